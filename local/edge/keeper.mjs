// A Worker beside the product's on this machine: what Cloudflare and `wrangler` do for it there, the launcher asks for here.
// Only the launcher has the key. Asked through Miniflare's own objects the launcher would stand still until it is answered,
// and workerd would stand still as well once nobody reads what it logs.
import unsafe from "workerd:unsafe";

const ORDERS = { "/migrate": migrate, "/sweep": sweep, "/reset": reset };

export default {
  async fetch(request, env) {
    const order = ORDERS[new URL(request.url).pathname];
    if (!order || request.headers.get("authorization") !== env.KEY) return new Response(null, { status: 404 });
    await order(await request.json(), env);
    return new Response(null, { status: 204 });
  },
};

/** Applies the migrations that are missing, in the table that `wrangler d1 migrations apply` keeps. */
async function migrate(migrations, { DATABASE }) {
  await DATABASE.exec(
    "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
  );
  const { results } = await DATABASE.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set(results.map(({ name }) => name));
  for (const { name, statements } of migrations.filter((one) => !applied.has(one.name))) {
    const note = DATABASE.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
    await DATABASE.batch([...statements.map((sql) => DATABASE.prepare(sql)), note]);
  }
}

/** Calls the handler that Cloudflare's cron calls. */
async function sweep(cron, { EDGE }) {
  await EDGE.scheduled({ cron, scheduledTime: new Date() });
}

/** Does to all objects what a deploy does to them: they end where they stand, and come anew at the next call. */
async function reset() {
  await unsafe.abortAllDurableObjects();
}
