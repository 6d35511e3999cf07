import { errorBody } from "../../errors";
import type { Role } from "../../schemas/plan";
import type { ContainerPort } from "./base";

/** The first call to a container that just started often fails once. */
const ATTEMPTS = 3;
const PAUSE_MS = 100;

/**
 * Carries a request to a port of a container.
 * @param port null where no container runs
 * @param failed is told why the container did not answer
 * @returns 503 NODE_NOT_RUNNING where there is no answer
 */
export async function carry(
  port: ContainerPort | null,
  role: Role,
  request: Request,
  failed: (error: unknown) => void,
): Promise<Response> {
  if (!port) return notRunning(role);
  const { pathname, search } = new URL(request.url);
  // What was sent may have arrived although its answer was lost; only a read may be sent again.
  const attempts = ["GET", "HEAD"].includes(request.method) ? ATTEMPTS : 1;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    try {
      return await port.fetch(`http://node${pathname}${search}`, request);
    } catch (error) {
      if (attempt === attempts) failed(error);
      else await scheduler.wait(PAUSE_MS);
    }
  }
  return notRunning(role);
}

/** What a node answers that takes nobody in now. */
export function notRunning(role: Role): Response {
  const headers = { "retry-after": "2", "x-edge-error": "NODE_NOT_RUNNING" };
  return Response.json(errorBody("NODE_NOT_RUNNING", `The ${role} does not run.`), { status: 503, headers });
}
