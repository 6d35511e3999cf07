// The least Worker that drives one container: each request is one order to the object that owns it.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

const DEADLINE_MS = 10_000;

export class Gate extends WorkerEntrypoint {
  async fetch(request) {
    const body = await request.text();
    return Response.json({ tenant: this.ctx.props.tenant, method: request.method, url: request.url, length: body.length });
  }
}

export class Node extends DurableObject {
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
    await container.interceptOutboundHttp("indexer.internal", this.ctx.exports.Gate({ props: { tenant } }));
    const snapshot = await this.ctx.storage.get("snapshot");
    const image = container.images[parameters.get("image") ?? "v4147"];
    const source = parameters.has("restore") ? { containerSnapshot: snapshot } : { image };
    container.start({
      instance: "standard-1",
      env: { NODE_NAME: tenant, INDEXER_PASSWORD: "admin-password", DASHBOARD_PASSWORD: "kibana-password" },
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
