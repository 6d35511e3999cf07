/** The address a request came from, as the platform vouches for it; never a header that the client chooses. */
export function clientAddress(headers: Headers): string {
  const address = headers.get("cf-connecting-ip") ?? "";
  return /^[0-9A-Fa-f.:]{2,45}$/.test(address) ? address : "unknown";
}
