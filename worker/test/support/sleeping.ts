import { vi } from "vitest";
import { ManagerContainer } from "../../src/index";
import type { TenantView } from "../../src/schemas/tenant";
import { world } from "./containers";
import { answered, call, newTenantId, PLAN } from "./edge";
import { NodeConnection } from "./manager_port";
import { newOperation, putTenant, specOf, until } from "./tenants";

export const AFTER_MINUTES = 15;
export const SLEEPY = { ...PLAN, sleep: { after_minutes: AFTER_MINUTES } };
const MINUTE_MS = 60_000;

export async function sleepyTenant(): Promise<string> {
  const id = newTenantId();
  await putTenant(id, specOf(1, { plan: SLEEPY }));
  await until(id, (view) => view.observed === "running");
  return id;
}

export const change = (id: string, what: "sleep" | "wake", operation_id = newOperation()) =>
  call("POST", `/v1/tenants/${id}/${what}`, { epoch: 1, operation_id });

export const isAsleep = (view: TenantView) => view.sleeping !== null && view.observed === "stopped";
export const isAwake = (view: TenantView) => view.sleeping === null && view.run?.state !== "running";
export const runs = (view: TenantView) => isAwake(view) && view.observed === "running";

export async function asleepTenant(id?: string): Promise<string> {
  const tenant = id ?? (await sleepyTenant());
  await answered(change(tenant, "sleep"), 202);
  await until(tenant, isAsleep);
  return tenant;
}

const realNow = Date.now.bind(Date);
let ahead = 0;

/** Sets right what {@link passMinutes} changed. */
export function resetClock(): void {
  ahead = 0;
}

/** Lets the clock of everything in this isolate jump; it goes on from there. */
export function passMinutes(minutes: number): void {
  ahead += minutes * MINUTE_MS;
  if (vi.isMockFunction(Date.now)) return;
  vi.spyOn(Date, "now").mockImplementation(() => realNow() + ahead);
}

export const alive = (id: string) =>
  ["indexer", "manager", "dashboard"].filter((role) => world.containers.get(`${id}:${role}:0`)?.running);

/** Has every manager that runs know whatever agents it is given, and take their connections. @returns what puts it back */
export function managersServe(): () => void {
  const prototype = ManagerContainer.prototype as unknown as { port: (n: number) => unknown };
  const original = prototype.port;
  prototype.port = function (n) {
    const real = original.call(this, n) as { fetch: typeof fetch } | null;
    if (!real || (n !== 55000 && n !== 1514)) return real;
    const answer = (url: string, init?: RequestInit) =>
      // Whether it serves is the container's to say.
      new URL(url).pathname === "/" ? real.fetch(url, init) : api(new Request(url, init));
    return { fetch: answer, connect: () => new NodeConnection("manager", true).socket };
  };
  return () => {
    prototype.port = original;
  };
}

async function api(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const items = [{ id: "000", name: "manager", status: "active", group: [] }];
  if (pathname.endsWith("/authenticate")) return Response.json({ data: { token: "t" }, error: 0 });
  if (request.method === "GET") {
    return Response.json({ data: { affected_items: items, total_affected_items: items.length }, error: 0 });
  }
  return Response.json({ data: {}, error: 0 });
}
