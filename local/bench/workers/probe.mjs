// Calls objects as the product's own code does, where they have no door of their own: one request, so many calls.
// It stands in for the callers inside the Worker: routes, which ask a tenant's object, and gates, which append events.
const ORDERS = { "/tenant": hopsTo(tenant), "/bare": hopsTo(bare), "/append": append };

export default {
  fetch(request, env) {
    const url = new URL(request.url);
    const order = ORDERS[url.pathname];
    return order ? order(request, env, url.searchParams) : new Response("no such order", { status: 404 });
  },
};

/** `?calls=&object=`: calls in a row, so that what comes before and after them costs nothing beside. */
function hopsTo(call) {
  return async (_request, env, asked) => {
    for (let left = Number(asked.get("calls")); left > 0; left--) await call(env, asked.get("object"));
    return new Response("done");
  };
}

/** The call that every agent's connection makes, by the way that the routes take; nobody has this agent. */
async function tenant(env, name) {
  const answer = await env.TENANT.getByName(name).answer("connector", ["99999999", "0".repeat(64)]);
  if (answer.told !== "unknown") throw new Error(`not what is measured: ${JSON.stringify(answer)}`);
}

async function bare(env, name) {
  const answer = await env.BARE.getByName(name).fetch("http://object/");
  return answer.text();
}

/** `?object=` and a JSON list of events: answers once they are on disk. */
async function append(request, env, asked) {
  return Response.json(await env.EVENTS.getByName(asked.get("object")).append(await request.json()));
}
