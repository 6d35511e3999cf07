/** The tables of the tenant object, part by part; each keeps its own, and says which of its steps a storage is behind. */
import { migrateAdopted } from "./adopted";
import { migrateOrders } from "./agent_orders";
import { migrateAudit } from "./audit";
import { migrateBackups } from "./backups";
import { migrateBin } from "./bin";
import { migrateContent } from "./content";
import { migrateCredentials } from "./credentials";
import { migrateErasure } from "./erasure";
import { migrateExports } from "./exports/rows";
import { migrateHealth } from "./health_rows";
import { migrateHeld } from "./held_batches";
import { migrateKeys } from "./key_wrapping";
import { migratePins } from "./pins";
import { migratePortalTrail } from "./portal_trail";
import { migratePreludes } from "./preludes";
import { migrateRehydrations } from "./rehydrations";
import { migrateTenant } from "./schema";
import { migrateSleep } from "./sleep";
import { migrateTroubles } from "./state_trouble";
import { migrateTraffic } from "./traffic_schema";
import { migrateUsage } from "./usage";
import { migrateVersions } from "./versions";

/** In this order: some alter the tables of those before them. */
const PARTS = [
  migrateTenant,
  migrateTraffic,
  migrateTroubles,
  migrateAudit,
  migrateBackups,
  migratePreludes,
  migrateRehydrations,
  migrateVersions,
  migrateAdopted,
  migrateHealth,
  migrateUsage,
  migrateSleep,
  migrateKeys,
  migrateCredentials,
  migratePins,
  migrateOrders,
  migrateHeld,
  migratePortalTrail,
  migrateBin,
  migrateErasure,
  migrateContent,
  migrateExports,
];

export function migrateAll(storage: DurableObjectStorage): void {
  for (const migrate of PARTS) migrate(storage);
}
