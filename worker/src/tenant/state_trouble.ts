/** What keeps the state of a tenant's nodes from being safe, as the nodes' objects tell it. */
import type { ErrorBody } from "../errors";
import type { Reason } from "../schemas/basics";
import type { Role } from "../schemas/plan";
import type { TenantContext } from "./context";
import { migrate } from "./schema";

const MIGRATIONS = [
  `CREATE TABLE state_troubles (
     role TEXT NOT NULL, n INTEGER NOT NULL, trouble TEXT NOT NULL, PRIMARY KEY (role, n)) STRICT, WITHOUT ROWID;`,
];

export const migrateTroubles = (storage: DurableObjectStorage) => migrate(storage, "state_troubles", MIGRATIONS);

/** @param trouble null once the node's state is safe again */
export function noteTrouble(ctx: TenantContext, role: Role, n: number, trouble: ErrorBody | null): void {
  ctx.transaction(() => {
    if (trouble) {
      const values = [role, n, JSON.stringify(trouble)];
      ctx.sql.exec("INSERT OR REPLACE INTO state_troubles (role, n, trouble) VALUES (?, ?, ?)", ...values);
      const { code, message } = trouble;
      // No audit record: a container can bring it about, by what it sends to be saved.
      ctx.emit("lifecycle", { node: `${role}-${n}`, trouble: { code, message } });
    } else ctx.sql.exec("DELETE FROM state_troubles WHERE role = ? AND n = ?", role, n);
  });
}

/** The first of them, for people. */
export function stateTrouble(sql: SqlStorage): Reason | null {
  const [row] = sql.exec<{ trouble: string }>("SELECT trouble FROM state_troubles ORDER BY role, n LIMIT 1").toArray();
  if (!row) return null;
  const { code, message, hint } = JSON.parse(row.trouble) as ErrorBody;
  return { code, message, hint };
}
