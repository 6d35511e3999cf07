/** Custom content of a tenant's managers (rules, decoders, lists, groups' configurations), and what one event would come to. */
import { z } from "@hono/zod-openapi";
import { ErrorSchema, GroupName, orNull } from "./basics";

export const ContentDigest = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in lower-case hex")
  .openapi("ContentDigest", {
    description:
      "SHA-256 of the bundle's canonical JSON: files in order of kind and name, keys in order, no white space, UTF-8 without escapes of what needs none",
  });

/** One file; so many of them in a bundle, and so much together. */
export const CONTENT_LIMITS = { files: 200, fileBytes: 1024 * 1024, bytes: 4 * 1024 * 1024 } as const;

const bytesOf = (text: string) => new TextEncoder().encode(text).byteLength;

const text = z
  .string()
  .min(1, "must not be empty: leave the file out instead")
  .refine(
    (value) => bytesOf(value) <= CONTENT_LIMITS.fileBytes,
    `must not be larger than ${CONTENT_LIMITS.fileBytes} bytes`,
  );

const XmlName = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,124}\.xml$/, "must be 1-124 of A-Z a-z 0-9 _ . - and end with .xml");

/** Where a manager keeps which of its files are the control plane's. */
export const OWN_LIST = "control-plane-content";

/** Names below etc/lists that the edge and Wazuh's own rules need as they are. */
const TAKEN = [OWN_LIST, "audit-keys", "security-eventchannel", "amazon", "malicious-ioc"];

const ListName = z
  .string()
  .regex(/^(?!\.{1,2}$)(?!.*\.cdb$)[A-Za-z0-9_.-]{1,128}$/, "must be 1-128 of A-Z a-z 0-9 _ . - and not end with .cdb")
  .refine((name) => !TAKEN.includes(name), `must not be one of ${TAKEN.join(", ")}`);

export const ContentFile = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("rules"), name: XmlName, text }),
    z.strictObject({ kind: z.literal("decoders"), name: XmlName, text }),
    z.strictObject({ kind: z.literal("lists"), name: ListName, text }),
    z.strictObject({ kind: z.literal("agent_configuration"), name: GroupName, text }),
  ])
  .openapi("ContentFile");
export type ContentFile = z.infer<typeof ContentFile>;
export type ContentKind = ContentFile["kind"];

const keyOf = ({ kind, name }: Pick<ContentFile, "kind" | "name">) => `${kind}/${name}`;

export const PutContent = z
  .strictObject({ files: z.array(ContentFile).max(CONTENT_LIMITS.files) })
  .refine(({ files }) => new Set(files.map(keyOf)).size === files.length, {
    path: ["files"],
    message: "must have each name once a kind",
  })
  .refine(({ files }) => files.reduce((sum, file) => sum + bytesOf(file.text), 0) <= CONTENT_LIMITS.bytes, {
    path: ["files"],
    message: `must not be larger than ${CONTENT_LIMITS.bytes} bytes together`,
  })
  .openapi("PutContent");
export type PutContent = z.infer<typeof PutContent>;

export const StoredContent = z
  .object({
    digest: ContentDigest,
    files: z.int().min(0),
    bytes: z.int().min(0).openapi({ description: "Of the files' texts in UTF-8" }),
  })
  .openapi("StoredContent");
export type StoredContent = z.infer<typeof StoredContent>;

export const ContentView = z
  .object({
    wanted: orNull(ContentDigest).openapi({ description: "The plan's" }),
    applied: orNull(ContentDigest).openapi({ description: "What the manager has; while it rests, what it had" }),
    error: orNull(ErrorSchema).openapi({
      description: "Why the manager does not have what is wanted; null where it has, or is on its way",
    }),
  })
  .openapi("Content", { description: "Custom rules, decoders, lists and groups' configurations" });
export type ContentView = z.infer<typeof ContentView>;

/** As large as one event may be for a manager. */
const MAX_EVENT_BYTES = 65_535;

export const AskLogtest = z
  .strictObject({
    event: z
      .string()
      .min(1)
      .refine((value) => bytesOf(value) <= MAX_EVENT_BYTES, `must not be larger than ${MAX_EVENT_BYTES} bytes`)
      .openapi({ description: "One line of a log, as an agent would send it" }),
    log_format: z
      .string()
      .regex(/^[a-z_-]{1,32}$/, "must be one of Wazuh's formats, such as syslog or json")
      .default("syslog"),
    location: z.string().min(1).max(256).default("logtest").openapi({ description: "Where it would have come from" }),
    token: z
      .string()
      .regex(/^[0-9a-f]{8}$/, "must be a session's token")
      .optional()
      .openapi({ description: "Of a session that was kept: rules that count see its earlier events" }),
    keep_session: z
      .boolean()
      .default(false)
      .openapi({ description: "Do not end the session; it ends by itself later" }),
  })
  .openapi("AskLogtest");
export type AskLogtest = z.infer<typeof AskLogtest>;

export const LogtestResult = z
  .object({
    alert: z.boolean().openapi({ description: "Whether it would have raised an alert" }),
    output: z
      .object({
        rule: orNull(
          z.object({ id: z.string(), level: z.int(), description: z.string(), groups: z.array(z.string()) }),
        ),
        decoder: orNull(z.object({ name: z.string().nullable(), parent: z.string().nullable() })),
        data: z.record(z.string(), z.unknown()).openapi({ description: "The fields that the decoder found" }),
        location: z.string().nullable(),
      })
      .openapi({ description: "What the manager's analysis makes of the event" }),
    messages: z.array(z.string()).openapi({ description: "The manager's own words, such as warnings of the rules" }),
    token: z.string().nullable().openapi({ description: "Of the session, where it was kept" }),
  })
  .openapi("LogtestResult");
export type LogtestResult = z.infer<typeof LogtestResult>;
