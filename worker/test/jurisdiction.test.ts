/** Where a cell has a jurisdiction, its objects are found and made within that alone. */
import { env } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { type Env, settingsOf } from "../src/bindings";
import { inJurisdiction } from "../src/jurisdiction";

/** By its class: a binding of a service seems to have every method. */
const isNamespace = (value: unknown): value is DurableObjectNamespace =>
  (value as object | undefined)?.constructor.name === "DurableObjectNamespace";

/** The environment of a cell in the Union; a namespace that is used without its jurisdiction gives no object. */
function european(): Env {
  const bound = Object.entries(env).map(([name, value]) => {
    if (!isNamespace(value)) return [name, value];
    const outside = () => {
      throw new Error(`${name} was used outside of its jurisdiction`);
    };
    return [name, { jurisdiction: vi.fn((where: string) => ({ within: where, name })), getByName: outside }];
  });
  return { ...(Object.fromEntries(bound) as unknown as Env), JURISDICTION: "eu" };
}

/** Whatever the runtime makes from our code, and so hands an environment to. */
const sources: Record<string, string> = import.meta.glob("../src/**/*.ts", {
  query: "?raw",
  import: "default",
  eager: true,
});

describe("a cell with a jurisdiction", () => {
  it("binds every namespace that there is to it", () => {
    const whole = european();
    const names = Object.entries(env).flatMap(([name, value]) => (isNamespace(value) ? [name] : []));
    const bound = inJurisdiction(whole) as unknown as Record<string, unknown>;
    expect(names.length).toBeGreaterThan(6);
    for (const name of names) expect(bound[name]).toEqual({ within: "eu", name });
    expect(inJurisdiction(whole)).toBe(bound);
  });

  it("has no class that uses its objects outside of it", () => {
    const entries = Object.entries(sources).filter(([, text]) =>
      /extends (DurableObject|WorkerEntrypoint)</.test(text),
    );
    const unbound = entries.filter(
      ([, text]) =>
        text.includes("this.env") &&
        !text.includes("super(ctx, inJurisdiction(env))") &&
        !text.includes("super(state, inJurisdiction(env))"),
    );
    expect(entries.length).toBeGreaterThan(4);
    expect(unbound.map(([path]) => path)).toEqual([]);
  });

  it("knows no other jurisdiction than the portal offers", () => {
    const told = (where: string) => settingsOf({ ...env, JURISDICTION: where } as unknown as Env).jurisdiction;
    expect(told("eu")).toBe("eu");
    expect(() => told("mars")).toThrow("JURISDICTION");
  });
});

describe("a cell without one", () => {
  it("uses its namespaces as they are bound", () => {
    expect(inJurisdiction(env as unknown as Env)).toBe(env);
  });
});
