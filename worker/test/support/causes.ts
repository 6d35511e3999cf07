/** States of a tenant in which a call is refused. */
import { answered, call, enroll, iso, newTenantId, newToken, stoppedTenant } from "./edge";
import { newOperation, specOf, until } from "./tenants";

export type Cause = () => Promise<Response>;
export type Causes = Record<string, Cause>;

const epoch = 1;
export const stopped = (generation = 1, more = {}) => specOf(generation, { requested: "stopped", ...more });
export const deletion = (generation = 1) => ({ epoch, generation, operation_id: newOperation() });

export async function deletedTenant(): Promise<string> {
  const id = newTenantId();
  await answered(call("DELETE", `/v1/tenants/${id}`, deletion()), 202);
  await until(id, (view) => view.observed === "absent");
  return id;
}

/** A call on a new tenant that is stopped. */
export const on =
  (act: (id: string) => Promise<Response>): Cause =>
  async () =>
    act(await stoppedTenant());
export const onDeleted =
  (act: (id: string) => Promise<Response>): Cause =>
  async () =>
    act(await deletedTenant());
/** The same on a tenant in the recycle bin. */
export const onBinned =
  (act: (id: string) => Promise<Response>): Cause =>
  async () => {
    const id = await stoppedTenant();
    await answered(call("PUT", `/v1/tenants/${id}`, stopped(2, { bin: { erases_at: iso(3600_000) } })), 202);
    return act(id);
  };
/** The same on a tenant whose epoch was raised to 2. */
export const onLaterEpoch = (act: (id: string) => Promise<Response>): Cause =>
  on(async (id) => {
    await answered(call("PUT", `/v1/tenants/${id}`, stopped(1, { epoch: 2 })), 202);
    return act(id);
  });

export async function withAgent(act: (id: string, agent: string) => Promise<Response>): Promise<Response> {
  const id = await stoppedTenant();
  const { text } = await newToken(id);
  const { agent_id } = await answered<{ agent_id: string }>(enroll(text, "web-1"), 201);
  return act(id, agent_id);
}

export async function enrolled(
  act: (text: string, enrollment_id: string, tenant: string) => Promise<Response>,
): Promise<Response> {
  const tenant = await stoppedTenant();
  const { text } = await newToken(tenant);
  const enrollment_id = crypto.randomUUID();
  await answered(enroll(text, "web-1", { enrollment_id }), 201);
  return act(text, enrollment_id, tenant);
}
