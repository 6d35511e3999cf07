/** docs/edge-doors.md says what the code does. */
import { describe, expect, it } from "vitest";
import doors from "../../docs/edge-doors.md?raw";
import { RATES } from "../src/rates";
import { OperatorAction } from "../src/schemas/operators";
import deployment from "../wrangler.jsonc?raw";

const rowsUnder = (heading: string) => {
  const part = doors.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return part.split("\n").filter((line) => line.startsWith("| `"));
};

describe("the page about the doors", () => {
  it("has every limit with its number, and no other", () => {
    const cells = rowsUnder("How often").map((row) => row.split("|").map((cell) => cell.trim()));
    const told = Object.fromEntries(
      cells.map(([, name = "", uses = ""]) => [name.slice(1, -1), Number(uses.replace(",", ""))]),
    );
    const source = /"SOURCE_LIMIT".*"limit": (\d+), "period": 60/.exec(deployment)?.[1];
    const limits = Object.fromEntries(Object.entries(RATES).map(([name, { perMinute }]) => [name, perMinute]));
    expect(told).toEqual({ ...limits, SOURCE_LIMIT: Number(source) });
  });

  it("has every action of operators", () => {
    const told = rowsUnder("Operators").flatMap((row) => row.split("|")[1]?.match(/[a-z-]+/g) ?? []);
    expect(told.sort()).toEqual([...OperatorAction.options].sort());
  });
});
