/** Where a tenant's own things lie: its objects, its keys, its prefixes. What receipts name. */
import { digest } from "../ids";
import { type Role, SERVING_ROLES } from "../schemas/plan";
import type { TenantContext } from "./context";
import { nodeRows } from "./node_records";
import { anyNodeStub } from "./nodes/names";

/** The ids of the tenant's Durable Objects: each holds this tenant's data alone. */
export function objectIds(ctx: TenantContext) {
  const { env, id } = ctx;
  const known = nodeRows(ctx).map(({ role, n }) => ({ role: role as Role, n }));
  const missing = SERVING_ROLES.filter((role) => !known.some((node) => node.role === role));
  const nodes = [...known, ...missing.map((role) => ({ role, n: 0 }))];
  return {
    tenant: env.TENANT.getByName(id).id.toString(),
    events: env.WAZUH_EVENTS.getByName(id).id.toString(),
    nodes: nodes.map(({ role, n }) => ({ role, n, id: anyNodeStub(env, id, role, n).id.toString() })),
  };
}

/** The tenant's data keys by what identifies them: none of it opens anything. */
export function dataKeys(ctx: TenantContext) {
  const rows = ctx.sql.exec<{ version: number; kek: string; wrapped: string }>("SELECT * FROM data_keys").toArray();
  return rows.map(({ version, kek, wrapped }) => ({ version, wrapped_by: kek, wrapped_sha256: digest(wrapped) }));
}

export const prefixes = (tenant: string) => ({ r2: `${tenant}/`, kv: `clusters/${tenant}.json` });

/** How many objects lie in R2 under the tenant's prefix, and their bytes as they are stored. */
export async function archived({ env, id }: TenantContext): Promise<{ objects: number; bytes: number }> {
  let [objects, bytes, cursor] = [0, 0, undefined as string | undefined];
  do {
    const page = await env.ARCHIVE.list({ prefix: prefixes(id).r2, ...(cursor ? { cursor } : {}) });
    objects += page.objects.length;
    bytes += page.objects.reduce((sum, { size }) => sum + size, 0);
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor);
  return { objects, bytes };
}

export const counted = (ctx: TenantContext, table: "agents" | "tokens" | "secrets" | "backups") =>
  ctx.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`).one().n;

export function certificates(ctx: TenantContext) {
  const query = "SELECT generation, state, fingerprint, ca_fingerprint FROM certificates ORDER BY generation";
  type Row = { generation: number; state: string; fingerprint: string; ca_fingerprint: string };
  return ctx.sql.exec<Row>(query).toArray();
}
