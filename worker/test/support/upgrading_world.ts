/** A tenant while its version changes as a model: what happens to it is given, what it does is the product's own code. */
import { SERVING_ROLES, type ServingRole } from "../../src/schemas/plan";
import {
  type Action,
  type Decision,
  type Effort,
  type Facts,
  MAX_FAILURES,
  type NodeFact,
  type Versions,
} from "../../src/tenant/facts";
import { decide } from "../../src/tenant/lifecycle";
import { EXITED, FRESH, NOW } from "./facts";
import type { Weather } from "./rotating_world";

export const OLD = "4.14.6";
export const NEW = "4.14.7";
export const allOn = (version: string): Versions => ({ indexer: version, manager: version, dashboard: version });

interface ModelNode extends Omit<NodeFact, "fits"> {
  role: ServingRole;
  /** What its process is. */
  runs: string;
  /** Which version wrote what it keeps last; a process understands its own version's and older ones'. */
  data: string;
  doomed: boolean;
}

const failedOnce = (before: Effort, now: number): Effort => ({
  ...{ failures: before.failures + 1, retryAt: now + 1000 },
  error: EXITED,
});

export class UpgradingWorld {
  now = NOW;
  versions: Record<ServingRole, string> = { indexer: OLD, manager: OLD, dashboard: OLD };
  upgrade: { to: string; saved: boolean; verified: boolean; back: Effort["error"]; effort: Effort } | null;
  outcome: Decision["outcome"] = "going";
  /** Whatever must never happen. */
  harm: string[] = [];
  nodes: ModelNode[];
  efforts = { mint: FRESH, verify: FRESH, stop: FRESH, erase: FRESH };

  /**
   * @param broken what does not serve, or is not verified, with the new version; `backup`: nothing can be kept
   * @param runs whether the tenant ran when the change was asked for
   */
  constructor(
    private readonly broken: ServingRole | "verify" | "backup" | null,
    runs = true,
  ) {
    this.upgrade = { to: NEW, saved: false, verified: false, back: null, effort: FRESH };
    this.nodes = SERVING_ROLES.map((role) => modelNode(role, runs ? "running" : "stopped"));
  }

  /** One visit. @returns whether there is nothing left to do */
  visit(weather: Weather): boolean {
    const dying = this.nodes.find(({ role, state }) => weather === `${role} dies` && state === "running");
    if (dying) this.#dies(dying);
    const decision = decide(this.#facts());
    if (this.upgrade && this.#ends(decision)) this.upgrade = null;
    else if (decision.action) this.#act(decision.action, weather);
    else if (!this.upgrade && decision.observed === "running") return true;
    else this.#passTo(decision.wakeAt ?? this.now + 1000);
    return false;
  }

  /** Somebody changes their mind: the same rows as a new intent leaves. */
  redirect(to: string): void {
    if (!this.upgrade) return;
    const moved = SERVING_ROLES.some((role) => this.versions[role] !== OLD);
    this.upgrade = moved || to !== OLD ? { ...this.upgrade, to, verified: false, back: null } : null;
    this.#forgive();
  }

  #ends({ outcome }: Decision): boolean {
    if (outcome === "going" || (outcome === "gave_up" && this.upgrade?.back)) return false;
    this.outcome = outcome;
    return true;
  }

  #facts(): Facts {
    const fact = ({ runs, data: _data, doomed: _doomed, ...more }: ModelNode): NodeFact => ({
      ...more,
      fits: runs === this.versions[more.role],
    });
    return {
      ...{ now: this.now, requested: "running", settled: true, certificateFits: true, verified: true, erased: false },
      ...{ renewAt: Number.POSITIVE_INFINITY, prelude: null, rotation: null, versionTrouble: null, resizing: false },
      ...{ sleep: null, content: null, unwell: null },
      upgrade: this.upgrade && {
        ...{ ...this.upgrade, from: allOn(OLD), to: allOn(this.upgrade.to) },
        ...{ adopts: false, versions: this.versions },
      },
      certs: { ...fact(modelNode("dashboard", "stopped")), role: "certs" },
      nodes: this.nodes.map(fact),
      efforts: this.efforts,
    };
  }

  #act(action: Action, weather: Weather): void {
    if (weather === "lost") return;
    const fails = weather === "fails";
    const { upgrade } = this;
    if (action.do === "use_version") this.#tryVersion(fails, () => this.#use(action.role, action.version));
    else if ("role" in action) this.#actOnNode(action, fails);
    else if (action.do === "snapshot") this.#tryVersion(fails || this.broken === "backup", () => this.#save());
    else if (action.do === "verify") this.#try("verify", fails || this.#isBroken("verify"), () => this.#verified());
    else if (action.do === "roll_back" && upgrade) {
      this.upgrade = { ...upgrade, verified: false, back: action.error };
      this.#forgive();
    }
  }

  #save(): void {
    if (this.upgrade) this.upgrade.saved = true;
  }

  #use(role: ServingRole, version: string): void {
    if (!this.upgrade?.saved) this.harm.push(`${role} moved before anything was kept`);
    this.versions = { ...this.versions, [role]: version };
    for (const one of this.nodes.filter((node) => node.role === role)) {
      if (version !== OLD || role === "dashboard") continue;
      if (!["stopped", "failed", "absent"].includes(one.state)) this.harm.push(`${role} got its state while it runs`);
      one.data = OLD;
    }
  }

  #actOnNode(action: Extract<Action, { role: string; n: number }>, fails: boolean): void {
    const one = this.nodes.find(({ role }) => role === action.role);
    if (!one) throw new Error(`no ${action.role}`);
    if (action.do === "start") this.#start(one, fails);
    if (action.do === "stop") this.#try("stop", fails, () => this.#stop(one));
    if (action.do === "prepare" && fails) one.preparing = failedOnce(one.preparing, this.now);
    if (action.do === "prepare" && !fails) Object.assign(one, { apart: false, prepared: true, preparing: FRESH });
  }

  #start(one: ModelNode, fails: boolean): void {
    const runs = this.versions[one.role];
    const unreadable = one.role !== "dashboard" && runs < one.data;
    if (unreadable) this.harm.push(`${one.role} ${runs} met data of ${one.data}`);
    const doomed = fails || (runs === NEW && this.broken === one.role);
    const prepared = one.role !== "manager";
    Object.assign(one, { state: "starting", runs, data: runs, startedAt: this.now, prepared, doomed });
  }

  #stop(one: ModelNode): void {
    const serving = (node: ModelNode) => node.state === "running" && node.prepared;
    const down = this.nodes.find((other) => other !== one && !serving(other));
    if (serving(one) && down) this.harm.push(`${one.role} beside ${down.role}`);
    one.state = "stopping";
  }

  #dies(one: ModelNode): void {
    Object.assign(one, { state: "failed", starting: failedOnce(one.starting, this.now) });
  }

  #isBroken = (part: string) => this.broken === part && SERVING_ROLES.some((role) => this.versions[role] === NEW);

  #try(subject: "verify" | "stop", fails: boolean, work: () => void): void {
    if (!fails) work();
    this.efforts = { ...this.efforts, [subject]: fails ? failedOnce(this.efforts[subject], this.now) : FRESH };
  }

  #tryVersion(fails: boolean, work: () => void): void {
    if (!fails) work();
    if (this.upgrade) this.upgrade.effort = fails ? failedOnce(this.upgrade.effort, this.now) : FRESH;
  }

  #verified(): void {
    if (new Set(this.nodes.map(({ runs }) => runs)).size > 1) this.harm.push("verified a mixture");
    if (this.upgrade) this.upgrade.verified = true;
  }

  #forgive(): void {
    this.efforts = { mint: FRESH, verify: FRESH, stop: FRESH, erase: FRESH };
    if (this.upgrade) this.upgrade.effort = FRESH;
    for (const one of this.nodes) Object.assign(one, { starting: FRESH, preparing: FRESH });
  }

  #passTo(time: number): void {
    this.now = time;
    for (const one of this.nodes) {
      if (one.state === "stopping") one.state = "stopped";
      if (one.state === "starting" && one.doomed) this.#dies(one);
      else if (one.state === "starting") Object.assign(one, { state: "running", starting: FRESH });
    }
  }
}

function modelNode(role: ServingRole, state: NodeFact["state"]): ModelNode {
  const given = {
    wanted: true,
    certified: true,
    apart: false,
    prepared: true,
    startedAt: NOW - 1000,
    movedAt: null,
    starting: FRESH,
    preparing: FRESH,
  };
  return { role, n: 0, state, ...given, runs: OLD, data: OLD, doomed: false };
}

/** More failures than any step has attempts: then the calm begins. */
export const LONGEST_STORM = 12 * MAX_FAILURES;
