/** An agent may show a certificate in place of its connector's credential: the one that was pinned to it, and no other. */
import { env, listDurableObjectIds } from "cloudflare:test";
import { createHash, randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ErrorBody } from "../src/errors";
import { makeToken } from "../src/ids";
import { isolate } from "./support/calls";
import { deletedTenant } from "./support/causes";
import { enrolledAgent, knock, pair, shown } from "./support/connector";
import { answered, call, type Enrolled, enroll, newToken, stoppedTenant } from "./support/edge";
import { listenOnManagers } from "./support/manager_port";

const newCertificate = () => createHash("sha256").update(randomBytes(32)).digest("hex");

interface Pinned {
  tenant: string;
  agent: Enrolled;
  certificate: string;
}

async function pinned(tenant?: string, name = "web-1"): Promise<Pinned> {
  const [at, certificate] = [tenant ?? (await stoppedTenant()), newCertificate()];
  return { tenant: at, certificate, agent: await enrolledAgent(at, name, { client_certificate_sha256: certificate }) };
}

const show = (tenant: string, certificate: string, more = {}, headers = {}) =>
  knock(tenant, headers, 1514, shown(certificate, more));

const refusalOf = async (answer: Promise<Response>, status = 401) => (await answered<ErrorBody>(answer, status)).code;

describe("a pinned certificate", () => {
  let manager: ReturnType<typeof listenOnManagers>;
  beforeEach(() => {
    manager = listenOnManagers();
  });
  afterEach(() => manager.stop());

  async function opened(answer: Promise<Response>): Promise<{ socket: WebSocket; closed: Promise<number> }> {
    const { webSocket: socket, status } = await answer;
    if (!socket) throw new Error(`${status}`);
    const closed = new Promise<number>((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
    socket.accept();
    return { socket, closed };
  }
  const frameOf = (agent: string) => {
    const body = new TextEncoder().encode(`!${agent}!#AES:x`);
    const frame = new Uint8Array(4 + body.length);
    new DataView(frame.buffer).setUint32(0, body.length, true);
    frame.set(body, 4);
    return frame;
  };

  it("opens the tunnel alone, however its fingerprint is written", async () => {
    const { tenant, certificate } = await pinned();
    await opened(show(tenant, certificate));
    const { socket } = await opened(show(tenant, certificate.toUpperCase()));
    socket.send(frameOf("001"));
    await expect.poll(() => manager.connections.at(-1)?.text).toContain("!001!#AES:x");
  });

  it("is its own agent's: it speaks as no other", async () => {
    const { tenant } = await pinned();
    const second = await pinned(tenant, "web-2");
    const { socket, closed } = await opened(show(tenant, second.certificate));
    socket.send(frameOf("001"));
    expect(await closed).toBe(1008);
    expect(manager.connections.at(-1)?.text).toBe("");
  });

  it.each([
    ["revoked, though it counts as verified", { certRevoked: "1" }],
    ["of which nothing says that it stands", { certRevoked: "" }],
    ["unverified", { certVerified: "FAILED:self signed certificate" }],
    ["that has expired", { certVerified: "FAILED:certificate has expired" }],
    ["without a fingerprint", { certFingerprintSHA256: "" }],
    ["with half a fingerprint", { certFingerprintSHA256: "ab".repeat(20) }],
  ])("that is %s opens nothing", async (_what, more) => {
    const { tenant, certificate } = await pinned();
    expect(await refusalOf(show(tenant, certificate, more))).toBe("CERTIFICATE_REFUSED");
  });

  it("opens nothing where none is shown, or only told of by the client", async () => {
    const { tenant, certificate } = await pinned();
    expect(await refusalOf(show(tenant, certificate, { certPresented: "0" }))).toBe("CONNECTOR_REFUSED");
    expect(await refusalOf(knock(tenant, {}))).toBe("CONNECTOR_REFUSED");
    const claimed = { "cf-client-cert-sha256": certificate, "x-client-cert": certificate };
    expect(await refusalOf(knock(tenant, claimed))).toBe("CONNECTOR_REFUSED");
  });

  it("opens nothing where it is verified but pinned to nobody, or to an agent of another tenant or of none any more", async () => {
    const [mine, theirs] = [await pinned(), await pinned()];
    expect(await refusalOf(show(mine.tenant, newCertificate()))).toBe("CERTIFICATE_REFUSED");
    expect(await refusalOf(show(mine.tenant, theirs.certificate))).toBe("CERTIFICATE_REFUSED");
    const gone = await deletedTenant();
    expect(await refusalOf(show(gone, mine.certificate))).toBe("CERTIFICATE_REFUSED");
    const objects = (await listDurableObjectIds(env.TENANT)).length;
    expect(await refusalOf(show("a".repeat(26), mine.certificate), 404)).toBe("TENANT_UNKNOWN");
    expect(await listDurableObjectIds(env.TENANT)).toHaveLength(objects);
  });

  it("does not help a credential that is wrong, and is not needed by one that is right", async () => {
    const { tenant, certificate, agent } = await pinned();
    const wrong = pair({ ...agent.connector, secret: makeToken("con", tenant, agent.agent_id) });
    const foreign = pair((await pinned()).agent.connector);
    for (const headers of [wrong, foreign]) {
      expect(await refusalOf(show(tenant, certificate, {}, headers))).toBe("CONNECTOR_REFUSED");
    }
    await opened(knock(tenant, pair(agent.connector)));
    await opened(show(tenant, certificate, { certRevoked: "1" }, pair(agent.connector)));
  });

  it("ends with its agent's quarantine, the open connection with it", async () => {
    const { tenant, certificate } = await pinned();
    const { closed } = await opened(show(tenant, certificate));
    await answered(isolate(tenant, "001"), 200);
    expect(await closed).toBe(1012);
    expect(await refusalOf(show(tenant, certificate), 403)).toBe("AGENT_QUARANTINED");
  });

  it("can not be searched for: an address that shows too many others is slowed down", async () => {
    const { tenant, certificate } = await pinned();
    const from = { "cf-connecting-ip": "198.51.100.7" };
    const answers = await Promise.all(Array.from({ length: 150 }, () => show(tenant, newCertificate(), {}, from)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
    await Promise.all(answers.map(({ body }) => body?.cancel()));
    await opened(show(tenant, certificate));
  });
});

describe("an enrollment with a certificate", () => {
  it("pins it once: no second agent gets it, and no use is spent for trying", async () => {
    const tenant = await stoppedTenant();
    const { id, text } = await newToken(tenant);
    const certificate = { client_certificate_sha256: newCertificate() };
    await answered(enroll(text, "web-1", certificate), 201);
    expect(await refusalOf(enroll(text, "web-2", certificate), 409)).toBe("AGENT_CERTIFICATE_TAKEN");
    expect(await answered(call("GET", `/v1/tenants/${tenant}/tokens/${id}`), 200)).toMatchObject({ uses: 1 });
    await answered(enroll(text, "web-2"), 201);
  });

  it("is repeated with the same one only", async () => {
    const { text } = await newToken(await stoppedTenant());
    const first = { enrollment_id: crypto.randomUUID(), client_certificate_sha256: newCertificate() };
    await answered(enroll(text, "web-1", first), 201);
    await answered(enroll(text, "web-1", first), 200);
    const other = { ...first, client_certificate_sha256: newCertificate() };
    expect(await refusalOf(enroll(text, "web-1", other), 409)).toBe("ENROLLMENT_CONFLICT");
    expect(await refusalOf(enroll(text, "web-1", { enrollment_id: first.enrollment_id }), 409)).toBe(
      "ENROLLMENT_CONFLICT",
    );
  });

  it.each(["", "AB".repeat(32), "ab:".repeat(32), "ab".repeat(20)])(
    "names the field for %j, which is no SHA-256",
    async (text) => {
      const { text: token } = await newToken(await stoppedTenant());
      const { details } = await answered<ErrorBody>(enroll(token, "web-1", { client_certificate_sha256: text }), 422);
      expect(details?.[0]?.path).toBe("client_certificate_sha256");
    },
  );
});
