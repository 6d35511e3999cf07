/** Archives that nodes were given to start from, until it is verified that they did. */
import { EdgeError, messageOf } from "../errors";
import { STATEFUL_ROLES, type StatefulRole } from "../state/limits";
import type { BackupPart } from "./backups";
import type { TenantContext } from "./context";
import { nodeRows } from "./node_records";
import { nodeStub } from "./nodes/names";
import { migrate } from "./schema";

const MIGRATIONS = [
  `CREATE TABLE adopted (
     role TEXT NOT NULL, n INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (role, n)) STRICT, WITHOUT ROWID;`,
];

export const migrateAdopted = (storage: DurableObjectStorage) => migrate(storage, "adopted", MIGRATIONS);

/**
 * Puts a backup's archive in front of a node that has ended, and notes it. A backup holds the first node of each role; the
 * others begin empty and take from that one what they need: what they had belongs to another past.
 * @throws EdgeError STATE_UNREADABLE
 */
export async function adoptPart(ctx: TenantContext, { role, n, number }: BackupPart): Promise<void> {
  const unusable = (error: unknown) => {
    throw new EdgeError("STATE_UNREADABLE", messageOf(error));
  };
  const archive = await nodeStub(ctx.env, ctx.id, role, n).adoptArchive(number).catch(unusable);
  const others = nodeRows(ctx).filter((row) => row.role === role && row.n !== n);
  for (const other of others) await nodeStub(ctx.env, ctx.id, role, other.n).startEmpty().catch(unusable);
  ctx.sql.exec("INSERT OR REPLACE INTO adopted (role, n, number) VALUES (?, ?, ?)", role, n, archive.number);
}

/**
 * A node that could not read what it was given starts from the archive before, and serves: that is another tenant's past
 * than the one that was asked for. Archives that it saved since then are newer ones.
 * @throws EdgeError STATE_UNREADABLE naming the node
 */
export async function verifyAdopted(ctx: TenantContext): Promise<void> {
  type Row = { role: StatefulRole; n: number; number: number };
  for (const { role, n, number } of ctx.sql.exec<Row>("SELECT role, n, number FROM adopted").toArray()) {
    const restored = await nodeStub(ctx.env, ctx.id, role, n).restoredFrom();
    if (restored === null || restored < number)
      throw new EdgeError("STATE_UNREADABLE", `The ${role} did not start from the state that was put in its place.`);
  }
}

/** What was adopted is verified, or its run has ended without it. */
export const forgetAdopted = ({ sql }: TenantContext) => sql.exec("DELETE FROM adopted");

export const isStateful = (role: string): role is StatefulRole => (STATEFUL_ROLES as string[]).includes(role);
