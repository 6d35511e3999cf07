const MIB = 1024 * 1024;

/** An isolate has 128 MB for everything that it does, and serves several tenants at once. */
export const MAX_TENANT_BYTES = 16 * MIB;
/** A whole frame of an agent's finds room, however many connections there are. */
const LEAST_DOWN_BYTES = 64 * 1024;

/**
 * What one isolate holds for the connections of one tenant: each has its own bound, all of them together have this one.
 *
 * A manager that takes nothing would otherwise cost a bound for each of its agents, and with it the connections of every
 * other tenant that the isolate serves.
 */
export class Room {
  #open = 0;
  #up = 0;

  enter(): void {
    this.#open += 1;
  }

  leave(): void {
    this.#open -= 1;
  }

  get isEmpty(): boolean {
    return this.#open === 0 && this.#up === 0;
  }

  /** Whether so many more bytes for the manager may be held; they are, until they are given back. */
  take(bytes: number): boolean {
    if (this.#up + bytes > MAX_TENANT_BYTES) return false;
    this.#up += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#up -= bytes;
  }

  /** How many bytes may wait for one client before nothing more is read for it. */
  get down(): number {
    return Math.max(LEAST_DOWN_BYTES, Math.floor(MAX_TENANT_BYTES / Math.max(1, this.#open)));
  }
}

const rooms = new Map<string, Room>();

/** The tenant's room in this isolate. Rooms of tenants that left theirs are forgotten. */
export function roomOf(tenant: string): Room {
  const known = rooms.get(tenant);
  if (known) return known;
  for (const [other, room] of rooms) if (room.isEmpty) rooms.delete(other);
  const room = new Room();
  rooms.set(tenant, room);
  return room;
}
