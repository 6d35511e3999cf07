/** From where something may be used: what an organization, its service provider or an API key lists. */
import { BlockList, isIP } from "node:net";
import { z } from "@hono/zod-openapi";
import { EdgeError } from "../errors";

const LISTS = 3;
const LONGEST_LIST = 100;

export const Networks = z
  .array(
    z
      .array(z.union([z.cidrv4(), z.cidrv6()]))
      .min(1)
      .max(LONGEST_LIST),
  )
  .max(LISTS)
  .openapi({ description: "Lists of CIDR ranges; whoever comes has to be in one range of each. None: from anywhere" });
export type Networks = z.output<typeof Networks>;

/**
 * Refuses a request from elsewhere. The attack: a cookie or credential that was stolen inside and is used outside. An
 * address that can't be told lies in no network.
 * @throws EdgeError ADDRESS_REFUSED
 */
export function requireFrom(networks: Networks | undefined, address: string): void {
  if (networks?.every((list) => holds(list, address)) ?? true) return;
  const message = `This can only be used from networks on your organization's list, and ${address} is in none of them.`;
  throw new EdgeError("ADDRESS_REFUSED", message);
}

function holds(list: string[], address: string): boolean {
  if (isIP(address) === 0) return false;
  const known = new BlockList();
  for (const network of list) {
    const [base = "", bits] = network.split("/");
    known.addSubnet(base, Number(bits), family(base));
  }
  return known.check(address, family(address));
}

const family = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4");
