// What the product is held against inside workerd: a Worker that says hello, and an object that answers and no more.
import { DurableObject } from "cloudflare:workers";

const HELLO = JSON.stringify({ status: "ok" });
const answer = () => new Response(HELLO, { headers: { "content-type": "application/json" } });

export default { fetch: answer };

export class BareObject extends DurableObject {
  fetch() {
    return answer();
  }
}
