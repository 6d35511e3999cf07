/** Who a node is. Set by the object that started it, in the gate's props; nothing a container says can change it. */
export interface NodeProps {
  tenant: string;
  role: "manager" | "indexer" | "dashboard" | "certs";
  /** Number of the node within its role. */
  n: number;
  generation: number;
  /** Number of the start of its container; missing where the version before started it. */
  start?: number;
}

/** What an allowed call leads to. */
export type Destination =
  | "journal"
  | "indexer"
  | "manager"
  | "digests"
  | "heartbeat"
  | "state"
  | "mesh"
  | "repository"
  | "enroll";

export interface GateRule {
  methods: readonly string[];
  path: RegExp;
  to: Destination;
}

const READ = ["GET"] as const;
const ASK = ["GET", "POST"] as const;
const CHANGE = ["POST", "PUT", "DELETE"] as const;

/** A node's own state: by checksum, never by a path of the node's choice. */
const STATE: readonly GateRule[] = [
  { methods: READ, path: /^\/latest$/, to: "state" },
  { methods: ["GET", "PUT"], path: /^\/files\/[0-9a-f]{64}$/, to: "state" },
  { methods: ["POST"], path: /^\/(archives|restored|unusable)$/, to: "state" },
];

/** A node of the same tenant and role, by its number alone: what else could be named does not exist. */
const MESH: readonly GateRule[] = [{ methods: READ, path: /^\/\d$/, to: "mesh" }];

/** An indexer's archives are made by the edge, of what lies in the repository. */
const REPOSITORY_STATE: readonly GateRule[] = [
  { methods: READ, path: /^\/latest$/, to: "state" },
  { methods: ["POST"], path: /^\/(snapshots|front|restored|unusable)$/, to: "state" },
];

/** The calls of S3 on the one bucket there is; which of them, their query says (`repository.ts`). */
const REPOSITORY: readonly GateRule[] = [
  { methods: ASK, path: /^\/snapshots\/?$/, to: "repository" },
  {
    methods: ["GET", "HEAD", "PUT", "POST", "DELETE"],
    path: /^\/snapshots\/[A-Za-z0-9_][A-Za-z0-9._/-]*$/,
    to: "repository",
  },
];

/** The manager's API as its dashboard may use it. The edge alone enrolls agents: no agent is made, removed or read out. */
const MANAGER_API: readonly GateRule[] = [
  { methods: ["POST"], path: /^\/security\/user\/authenticate(\/run_as)?$/, to: "manager" },
  { methods: READ, path: /^\/agents(\/(summary|no_group|outdated|stats|upgrade_result)[a-z_/]*)?$/, to: "manager" },
  { methods: READ, path: /^\/agents\/\d{3,8}\/(config|group|stats|daemons)[A-Za-z0-9_/-]*$/, to: "manager" },
  { methods: ["PUT"], path: /^\/agents\/(\d{3,8}\/)?(restart|group\/[A-Za-z0-9._-]+)$/, to: "manager" },
  {
    methods: READ,
    path: /^\/(manager|cluster|groups|rules|decoders|lists|logtest|mitre|tasks|overview)(\/[A-Za-z0-9._/-]*)?$/,
    to: "manager",
  },
  {
    methods: READ,
    path: /^\/(syscheck|rootcheck|sca|ciscat|syscollector|vulnerability)(\/[A-Za-z0-9._/-]*)?$/,
    to: "manager",
  },
  {
    methods: READ,
    path: /^\/security\/(users\/me(\/policies)?|roles|rules|policies|actions|resources|config)$/,
    to: "manager",
  },
  {
    methods: CHANGE,
    path: /^\/(groups|rules|decoders|lists|logtest|syscheck|rootcheck|active-response)(\/[A-Za-z0-9._/-]*)?$/,
    to: "manager",
  },
  { methods: ["PUT"], path: /^\/(manager|cluster)\/(restart|configuration)$/, to: "manager" },
  { methods: READ, path: /^\/$/, to: "manager" },
];

/**
 * Every call a container may make: role → name → methods and path. What is not here does not exist.
 *
 * A tenant's admin can run commands in a manager, so each row is written as if the node were hostile: a manager may add
 * alerts but never read or delete them; only the dashboard may search, and only as the user whose headers it carries.
 */
export const GATE_TABLE: Record<NodeProps["role"], Record<string, readonly GateRule[]>> = {
  manager: {
    "indexer.internal": [
      { methods: ["POST"], path: /^\/_bulk$/, to: "journal" },
      // Filebeat asks which version it speaks to before it sends anything.
      { methods: READ, path: /^\/$/, to: "indexer" },
    ],
    "events.internal": [
      { methods: ["POST"], path: /^\/alerts$/, to: "digests" },
      { methods: ["POST"], path: /^\/heartbeat$/, to: "heartbeat" },
    ],
    "state.internal": STATE,
    "mesh.internal": MESH,
    // With a ticket that only the edge's own door for 1515 gives out; without one it says no to everything.
    "enroll.internal": [{ methods: ["POST"], path: /^\/agents$/, to: "enroll" }],
  },
  dashboard: {
    "indexer.internal": [
      { methods: ASK, path: /^\/wazuh-alerts-[a-z0-9.*-]{1,60}\/(_search|_count)$/, to: "indexer" },
      { methods: READ, path: /^\/_cluster\/health$/, to: "indexer" },
    ],
    "manager.internal": MANAGER_API,
  },
  indexer: { "state.internal": REPOSITORY_STATE, "repository.internal": REPOSITORY, "mesh.internal": MESH },
  certs: {},
};

/** The names that node objects intercept for a role. */
export function interceptedNames(role: NodeProps["role"]): string[] {
  return Object.keys(GATE_TABLE[role]);
}

/** The row that allows a call, or null: then it is refused. */
export function ruleFor(role: NodeProps["role"], name: string, method: string, path: string): GateRule | null {
  // A row's pattern speaks of a path; one that climbs or skips would mean another path to whoever reads it next.
  if (path.includes("..") || path.includes("//")) return null;
  const rules = Object.hasOwn(GATE_TABLE[role], name) ? (GATE_TABLE[role][name] ?? []) : [];
  return rules.find((rule) => rule.methods.includes(method) && rule.path.test(path)) ?? null;
}
