/** How often the edge's doors may be used in a minute: one table, which a deployment changes row by row with `RATE_LIMITS`. */

interface Rate {
  /** Uses a minute of one key; so many may come at once. */
  perMinute: number;
  /** What there was too much of, as whoever is refused reads it. */
  of: string;
}

/** The key is what the name ends with; guesses are counted by source address. */
export const RATES = {
  enroll_per_token: { perMinute: 600, of: "enrollments by this token" },
  enroll_per_tenant: { perMinute: 1200, of: "enrollments of this tenant" },
  enroll_guesses: { perMinute: 120, of: "enrollments with unknown tokens from this address" },
  tunnel_per_agent: { perMinute: 120, of: "connections of this agent" },
  tunnel_per_tenant: { perMinute: 6000, of: "connections of this tenant's agents" },
  tunnel_guesses: { perMinute: 120, of: "connections with unknown credentials from this address" },
  wazuh5_per_agent: { perMinute: 1200, of: "requests of this agent" },
  wazuh5_guesses: { perMinute: 120, of: "requests with unknown bearers from this address" },
  events_per_tenant: { perMinute: 1200, of: "readings of this tenant's events" },
  rotations_per_tenant: { perMinute: 60, of: "rotations of this tenant" },
  logtests_per_tenant: { perMinute: 60, of: "tests of events by this tenant" },
  codes_per_tenant: { perMinute: 300, of: "codes for this tenant's dashboard" },
  sessions_per_tenant: { perMinute: 300, of: "sessions of this tenant's dashboard" },
  session_guesses: { perMinute: 120, of: "unknown codes from this address" },
  operators_per_tenant: { perMinute: 30, of: "operators' actions on this tenant" },
} as const satisfies Record<string, Rate>;

export type RateName = keyof typeof RATES;

export const RATE_NAMES = Object.keys(RATES) as [RateName, ...RateName[]];

const MINUTE_MS = 60_000;
/** More keys than this are not remembered: whoever comes from very many addresses makes the oldest forgotten, not memory full. */
export const MAX_KEYS = 10_000;

/**
 * Counts uses in memory by the generic cell rate algorithm (ITU-T I.371): one number a key, a whole minute's uses at
 * once, and from then on as many as pass by themselves.
 */
export class RateCounter {
  /** When each key's uses will have passed, in milliseconds since 1970; the key that was used last stands last. */
  readonly #passed = new Map<string, number>();

  constructor(
    private readonly now: () => number,
    private readonly perMinute: Partial<Record<RateName, number>> = {},
  ) {}

  /** After how many seconds one more use fits; 0: at once. Counts nothing. */
  wait(rate: RateName, key: string): number {
    const over = this.#passes(rate, key) + this.#each(rate) - this.now() - MINUTE_MS;
    return Math.max(0, Math.ceil(over / 1000));
  }

  /** Counts a use, whether it fits or not: whoever goes on being refused counts no further than a full minute. */
  count(rate: RateName, key: string): void {
    const name = nameOf(rate, key);
    const passes = Math.min(this.#passes(rate, key) + this.#each(rate), this.now() + MINUTE_MS);
    this.#passed.delete(name);
    this.#passed.set(name, passes);
    this.#forgetOldest();
  }

  get size(): number {
    return this.#passed.size;
  }

  limitOf(rate: RateName): number {
    return this.perMinute[rate] ?? RATES[rate].perMinute;
  }

  #each(rate: RateName): number {
    return MINUTE_MS / this.limitOf(rate);
  }

  #passes(rate: RateName, key: string): number {
    return Math.max(this.now(), this.#passed.get(nameOf(rate, key)) ?? 0);
  }

  /** A key whose uses have all passed is as good as one that was never used. */
  #forgetOldest(): void {
    for (const [name, passes] of this.#passed) {
      if (passes > this.now() && this.#passed.size <= MAX_KEYS) return;
      this.#passed.delete(name);
    }
  }
}

const nameOf = (rate: RateName, key: string) => `${rate}:${key}`;
