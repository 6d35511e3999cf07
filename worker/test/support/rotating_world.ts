/** A tenant during a rotation as a model: what happens to it is given, what it does is decided by the product's own code. */
import { SERVING_ROLES, type ServingRole } from "../../src/schemas/plan";
import { type Bundle, type Move, moved } from "../../src/tenant/bundles";
import {
  type Action,
  type Decision,
  type Effort,
  type Exchanged,
  type Facts,
  MAX_FAILURES,
  type NodeFact,
} from "../../src/tenant/facts";
import { decide } from "../../src/tenant/lifecycle";
import { EXITED, FRESH, NOW } from "./facts";

/** What happens at a visit. `lost`: whoever acted crashed before it had an effect. */
export type Weather = "ok" | "fails" | "lost" | `${ServingRole} dies`;

interface ModelNode extends Omit<NodeFact, "fits"> {
  generation: number;
  /** The process will end before it serves. */
  doomed: boolean;
}

const OLD = 3;
const failedOnce = (before: Effort, now: number): Effort => ({
  failures: before.failures + 1,
  retryAt: now + 1000,
  error: EXITED,
});

export class RotatingWorld {
  now = NOW;
  bundles: Bundle[] = [
    { generation: 1, state: "destroyed" },
    { generation: 2, state: "previous" },
    { generation: OLD, state: "active" },
  ];
  rotation: { verified: boolean; back: Effort["error"] } | null = { verified: false, back: null };
  outcome: Decision["outcome"] = "going";
  /** Roles taken down while another one was down. */
  harm: string[] = [];
  certs = node("certs");
  nodes = SERVING_ROLES.map(node);
  efforts = { mint: FRESH, verify: FRESH, stop: FRESH, erase: FRESH };

  /** @param broken what does not serve, or is not verified, with any bundle that is newer than the old one */
  constructor(
    private readonly broken: ServingRole | "verify" | "mint" | null,
    private readonly what: Exchanged,
  ) {
    // Of credentials only the ones in use were kept.
    if (what === "credentials") this.bundles = moved(this.bundles, "settle");
  }

  get active(): number {
    return this.bundles.find(({ state }) => state === "active")?.generation ?? 0;
  }

  /** One visit. @returns whether there is nothing left to do */
  visit(weather: Weather): boolean {
    const dying = this.nodes.find(({ role, state }) => weather === `${role} dies` && state === "running");
    if (dying) this.#dies(dying);
    const decision = decide(this.#facts());
    if (decision.outcome !== "going" && this.rotation) this.#end(decision.outcome);
    else if (decision.action) this.#act(decision.action, weather);
    else if (decision.outcome === "reached") return true;
    else this.#passTo(decision.wakeAt ?? this.now + 1000);
    return false;
  }

  #facts(): Facts {
    const fact = ({ generation, doomed: _doomed, ...more }: ModelNode): NodeFact => ({
      ...more,
      fits: more.role === "certs" || generation === this.active,
    });
    const minted = this.bundles.some(({ state }) => state === "pending");
    return {
      ...{ now: this.now, requested: "running", settled: true, certificateFits: true, verified: true, erased: false },
      ...{ renewAt: Number.POSITIVE_INFINITY, prelude: null, unwell: null },
      ...{ upgrade: null, versionTrouble: null, resizing: false },
      rotation: this.rotation && { ...this.rotation, what: this.what, minted, switched: this.active !== OLD },
      sleep: null,
      content: null,
      certs: fact(this.certs),
      nodes: this.nodes.map(fact),
      efforts: this.efforts,
    };
  }

  #end(outcome: Exclude<Decision["outcome"], "going">): void {
    this.#move(this.what === "credentials" ? "settle" : outcome === "reached" ? "finish" : "drop");
    this.rotation = null;
    this.outcome = outcome;
  }

  #act(action: Action, weather: Weather): void {
    if (weather === "lost") return;
    const fails = weather === "fails";
    if ("role" in action) this.#actOnNode(action, fails);
    else if (action.do === "mint" || action.do === "generate")
      this.#try("mint", fails || this.broken === "mint", () => this.#mint());
    else if (action.do === "verify") this.#try("verify", fails || this.#isBroken("verify"), () => this.#verified());
    else if (action.do === "switch") this.#move("switch");
    else if (action.do === "turn_back") this.#turnBack(action.error);
  }

  #actOnNode(action: Extract<Action, { role: string }>, fails: boolean): void {
    const one = [this.certs, ...this.nodes].find(({ role }) => role === action.role);
    if (!one) throw new Error(`no ${action.role}`);
    if (action.do === "start") this.#start(one, fails);
    if (action.do === "stop") this.#try("stop", fails, () => this.#stop(one));
    if (action.do === "prepare" && fails) one.preparing = failedOnce(one.preparing, this.now);
    if (action.do === "prepare" && !fails) Object.assign(one, { prepared: true, preparing: FRESH });
  }

  #start(one: ModelNode, fails: boolean): void {
    const doomed = fails || (one.role !== "certs" && this.#isBroken(one.role));
    const prepared = one.role !== "manager" && this.what === "certificates";
    Object.assign(one, { state: "starting", generation: this.active, startedAt: this.now, prepared, doomed });
  }

  #stop(one: ModelNode): void {
    const served = one.state === "running" && one.prepared;
    const down = this.nodes.filter((other) => other !== one && !(other.state === "running" && other.prepared));
    if (one.role !== "certs" && served && down.length > 0) this.harm.push(`${one.role} beside ${down[0]?.role}`);
    one.state = "stopping";
  }

  #dies(one: ModelNode): void {
    Object.assign(one, { state: "failed", starting: failedOnce(one.starting, this.now) });
  }

  #isBroken = (part: string) => this.broken === part && this.active !== OLD;

  #try(subject: "mint" | "verify" | "stop", fails: boolean, work: () => void): void {
    if (!fails) work();
    this.efforts = { ...this.efforts, [subject]: fails ? failedOnce(this.efforts[subject], this.now) : FRESH };
  }

  #mint(): void {
    const generation = Math.max(...this.bundles.map((bundle) => bundle.generation)) + 1;
    this.bundles.push({ generation, state: "pending" });
  }

  #verified(): void {
    if (this.nodes.some(({ generation }) => generation !== this.active)) this.harm.push("verified a mixture");
    if (this.rotation) this.rotation.verified = true;
  }

  #turnBack(error: Effort["error"]): void {
    this.#move(this.what === "credentials" ? "return" : "back");
    this.rotation = { verified: false, back: error };
    this.efforts = { mint: FRESH, verify: FRESH, stop: FRESH, erase: FRESH };
    for (const one of [this.certs, ...this.nodes]) Object.assign(one, { starting: FRESH, preparing: FRESH });
  }

  #move(move: Move): void {
    this.bundles = moved(this.bundles, move);
  }

  #passTo(time: number): void {
    this.now = time;
    for (const one of [this.certs, ...this.nodes]) {
      if (one.state === "stopping") one.state = "stopped";
      if (one.state === "starting" && one.doomed) this.#dies(one);
      else if (one.state === "starting") Object.assign(one, { state: "running", starting: FRESH });
    }
  }
}

function node(role: NodeFact["role"]): ModelNode {
  const state = role === "certs" ? "stopped" : "running";
  const given = {
    wanted: true,
    certified: true,
    prepared: true,
    apart: false,
    startedAt: NOW - 1000,
    movedAt: null,
    starting: FRESH,
    preparing: FRESH,
  };
  return { role, n: 0, state, ...given, generation: OLD, doomed: false };
}

/** More failures than any step has attempts: then the calm begins. */
export const LONGEST_STORM = 12 * MAX_FAILURES;
