/** Calls as strangers and clients make them, and what goes wrong around them. */
import { env, SELF } from "cloudflare:test";
import { vi } from "vitest";
import { ManagerContainer } from "../../src/index";
import type { Cause, Causes } from "./causes";
import { API, call, newTenantId } from "./edge";

export const plain = (path: string, init: RequestInit = {}) =>
  SELF.fetch(API + path, { ...init, headers: { host: "edge.test", ...(init.headers as Record<string, string>) } });
export const unsigned = (method: string, path: string, body?: string) => () =>
  plain(path, { method, ...(body ? { body, headers: { "content-type": "application/json" } } : {}) });
export const GUESS = "a".repeat(26);

export async function withoutFeed(act: Cause): Promise<Response> {
  await env.WAZUH_META.exec("ALTER TABLE feed RENAME TO feed_away");
  try {
    return await act();
  } finally {
    await env.WAZUH_META.exec("ALTER TABLE feed_away RENAME TO feed");
  }
}

/** No manager's object says who uses it. */
export async function withoutAnswers(act: Cause): Promise<Response> {
  const silent = vi.spyOn(ManagerContainer.prototype, "use").mockImplementation(() => {
    throw new Error("the object is away");
  });
  try {
    return await act();
  } finally {
    silent.mockRestore();
  }
}

/** So many calls at one moment that the next one is too many. */
export async function afterTooMany(times: number, act: Cause): Promise<Response> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  try {
    for (const answer of await Promise.all(Array.from({ length: times }, act))) await answer.body?.cancel();
    return await act();
  } finally {
    vi.useRealTimers();
  }
}

/** What every `/v1/tenants/{id}…` call shares. */
export function tenantCauses(
  method: string,
  below: string,
  body?: unknown,
  wrongKey: "access" | "control" = "access",
): Causes {
  const rightKey = wrongKey === "access" ? "control" : "access";
  return {
    401: unsigned(method, `/v1/tenants/${newTenantId()}${below}`),
    403: () => call(method, `/v1/tenants/${newTenantId()}${below}`, body, wrongKey),
    404: () => call(method, `/v1/tenants/${GUESS}${below}`, body, rightKey),
  };
}
