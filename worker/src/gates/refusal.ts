/** What a container hears of a call that it may not make, or not make like this. */
export function refusal(status: number, reason: string): Response {
  return Response.json({ error: { type: "gate_refused", reason }, status }, { status });
}
