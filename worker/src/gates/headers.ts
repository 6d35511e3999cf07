import type { NodeProps } from "./table";

/** What any node may say to another. */
const ALLOWED = ["accept", "accept-encoding", "authorization", "content-type", "content-length", "user-agent"];

/**
 * Who a dashboard's user is. The indexer believes these, so a manager that could send them would be any user it likes:
 * only the dashboard's pass, which got them from the edge.
 */
const PROXY_IDENTITY = ["x-proxy-user", "x-proxy-roles", "x-forwarded-for"];

/** The headers that go on from a node of this role; everything else stays behind. */
export function upstreamHeaders(role: NodeProps["role"], sent: Headers): Headers {
  const names = role === "dashboard" ? [...ALLOWED, ...PROXY_IDENTITY] : ALLOWED;
  const passed = new Headers();
  for (const name of names) {
    const value = sent.get(name);
    if (value !== null) passed.set(name, value);
  }
  return passed;
}
