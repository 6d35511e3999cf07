/** The address a request came from, as the platform vouches for it; never a header that the client chooses. */
export function clientAddress(headers: Headers): string {
  const address = headers.get("cf-connecting-ip") ?? "";
  return /^[0-9A-Fa-f.:]{2,45}$/.test(address) ? address : "unknown";
}

const GROUPS = 8;
const NETWORK_GROUPS = 4;

/** What counts as one source: an IPv4 address, or the /64 out of which one subscriber of IPv6 chooses addresses. */
export function sourceOf(address: string): string {
  const embedded = /:(\d+(\.\d+){3})$/.exec(address)?.[1];
  if (embedded) return embedded;
  if (!address.includes(":")) return address;
  const [before = [], after = []] = address.split("::").map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = Array.from({ length: Math.max(0, GROUPS - before.length - after.length) }, () => "0");
  const network = [...before, ...zeros, ...after].slice(0, NETWORK_GROUPS);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}
