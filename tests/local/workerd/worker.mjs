// The least Worker that drives one container: each request is one order to the object that owns it.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

const DEADLINE_MS = 10_000;
const ENVIRONMENT = {
  INDEXER_PASSWORD: "Indexer.1-password",
  INDEXER_URL: "http://indexer.internal",
  INDEXER_USERNAME: "admin",
  API_USERNAME: "wazuh-wui",
  API_PASSWORD: "Manager.1-password",
  WAZUH_CLUSTER_KEY: "k".repeat(32),
};

export class Gate extends WorkerEntrypoint {
  async fetch(request) {
    await request.arrayBuffer();
    const { tenant } = this.ctx.props;
    await this.env.NODE.getByName(tenant).took({ tenant, method: request.method, url: request.url });
    return Response.json({});
  }
}

export class Node extends DurableObject {
  calls = [];

  took(call) {
    this.calls.push(call);
  }

  async gate(parameters) {
    const until = Date.now() + DEADLINE_MS;
    while (this.calls.length < Number(parameters.get("calls")) && Date.now() < until) await scheduler.wait(20);
    return this.calls;
  }

  async fetch(request) {
    const url = new URL(request.url);
    const order = url.pathname.slice(1);
    try {
      return Response.json((await this[order](url.searchParams)) ?? null);
    } catch (error) {
      return Response.json({ error: String(error) }, { status: 500 });
    }
  }

  async start(parameters) {
    const container = this.ctx.container;
    const tenant = parameters.get("object");
    await container.interceptOutboundHttp("events.internal", this.ctx.exports.Gate({ props: { tenant } }));
    const snapshot = await this.ctx.storage.get("snapshot");
    const image = container.images[parameters.get("image") ?? "v4147"];
    const source = parameters.has("restore") ? { containerSnapshot: snapshot } : { image };
    container.start({
      instance: "standard-1",
      env: ENVIRONMENT,
      enableInternet: false,
      ...source,
    });
    this.ended = container.monitor().then(
      () => ({ exitCode: 0 }),
      (error) => ({ exitCode: error.exitCode ?? null, message: String(error) }),
    );
    return null;
  }

  async get(parameters) {
    const port = this.ctx.container.getTcpPort(Number(parameters.get("port")));
    const until = Date.now() + DEADLINE_MS;
    for (;;) {
      try {
        const answer = await port.fetch(`http://node${parameters.get("path")}`);
        return { status: answer.status, body: await answer.text() };
      } catch (error) {
        if (Date.now() > until) throw error;
        await scheduler.wait(50);
      }
    }
  }

  async exit() {
    return await this.ended;
  }

  async signal(parameters) {
    this.ctx.container.signal(Number(parameters.get("number")));
    return await this.ended;
  }

  async snapshot() {
    const snapshot = await this.ctx.container.snapshotContainer({ name: "kept" });
    await this.ctx.storage.put("snapshot", snapshot);
    return snapshot;
  }

  async destroy() {
    await this.ctx.container.destroy();
    return { running: this.ctx.container.running };
  }

  async state() {
    return { running: this.ctx.container.running };
  }
}

export default {
  fetch(request, env) {
    return env.NODE.getByName(new URL(request.url).searchParams.get("object")).fetch(request);
  },
};
