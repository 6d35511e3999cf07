/**
 * Calls of a manager's server API about its rules, and about what groups of agents share.
 * Source: Wazuh server API reference 4.14 (`/rules`, `/decoders`, `/lists`, `/groups`, `/manager`, `/cluster`, `/logtest`).
 */
import { z } from "zod";
import type { AskLogtest, LogtestResult } from "../schemas/content";
import { ManagerCalls, ManagerRefusal, Text } from "./manager_calls";

/** "The session does not exist": it has ended. */
const NO_SESSION = new Set([7311, 7316]);

const Told = z.string().transform((text) => Text.parse(text) ?? "");
const LogtestRule = z.object({
  id: z.coerce.string().max(32),
  level: z.coerce.number().int(),
  description: Told,
  groups: z.array(Told).catch([]),
});
const Logtest = z.object({
  token: z
    .string()
    .regex(/^[0-9a-f]{8}$/)
    .nullable()
    .catch(null),
  alert: z.boolean().catch(false),
  messages: z.array(Told).catch([]),
  output: z.object({
    rule: LogtestRule.nullable().catch(null),
    decoder: z.object({ name: Text, parent: Text }).nullable().catch(null),
    data: z.record(z.string(), z.unknown()).catch({}),
    location: Text,
  }),
});

export class RulesetCalls extends ManagerCalls {
  /** Has an event analysed. @throws ManagerRefusal with what the manager says against it */
  async logtest(asked: Omit<AskLogtest, "keep_session">): Promise<LogtestResult> {
    const answer = await this.call("PUT", "/logtest", asked);
    const read = Logtest.safeParse(answer.data);
    if (!read.success) throw new ManagerRefusal("the manager does not say what it made of the event", 502);
    return read.data;
  }

  /** Ends a session of tests; one that ended by itself is ended. */
  async endLogtest(token: string): Promise<void> {
    await this.call("DELETE", `/logtest/sessions/${token}`, undefined, NO_SESSION);
  }
}
