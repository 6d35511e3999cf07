/** Whether a node lets in who has its credentials, and nobody who has those before: asked by really signing in. */
import { EdgeError } from "../errors";
import type { Role } from "../schemas/plan";
import { basicAuthorization } from "./basic";
import type { TenantContext } from "./context";
import { credentialsAt, formerCredentials } from "./credentials";
import { within } from "./deadline";
import { apiAt } from "./manager";
import { INDEXER_ADMIN, INDEXER_DASHBOARD_USER, MANAGER_API_USER } from "./node_env";
import { anyNodeStub } from "./nodes/names";

const WITHIN_MS = 10_000;

interface SignIn {
  secret: string;
  user: string;
  method: "GET" | "POST";
  url: string;
}

const INDEXER = { method: "GET", url: "http://node:9200/_plugins/_security/authinfo" } as const;
const MANAGER = { method: "POST", url: "http://node:55000/security/user/authenticate" } as const;

/** In the order in which they are proved. A dashboard lets nobody in by a password: it has to reach its indexer. */
const SIGN_INS: Partial<Record<Role, SignIn[]>> = {
  indexer: [
    { secret: "indexer_admin", user: INDEXER_ADMIN, ...INDEXER },
    { secret: "indexer_dashboard", user: INDEXER_DASHBOARD_USER, ...INDEXER },
  ],
  manager: [{ secret: "manager_api", user: MANAGER_API_USER, ...MANAGER }],
};

/** The dashboard's own word for whether it gets on with the indexer; who asks is nobody in particular. */
const DASHBOARD_STATUS = "http://node:5601/dashboard/api/status";
const READER = { "x-proxy-user": "edge", "x-proxy-roles": "tenant_readonly", "x-forwarded-for": "127.0.0.1" };

/** @throws EdgeError CREDENTIALS_NOT_PROVED naming the credential, never its value */
export async function proveCredentials(ctx: TenantContext, role: Role, n: number): Promise<void> {
  for (const signIn of SIGN_INS[role] ?? []) await proveSignIn(ctx, role, n, signIn);
  if (role === "manager") await proveEnrollment(ctx, n);
  if (role === "dashboard") await proveConsumer(ctx, n);
}

/** Nobody can sign in with it, as 1515 is closed: its image has the daemon that enrolls keep to its local socket. */
async function proveEnrollment(ctx: TenantContext, n: number): Promise<void> {
  const secret = "manager_enrollment";
  const taken = await (await apiAt(ctx, n)).enrollmentPassword();
  if (taken === null) throw notProved("manager", `enrolls without its own ${secret}`);
  if (taken !== (await ctx.secret(secret, credentialsAt(ctx, "manager", n))))
    throw notProved("manager", `enrolls with another password than its own ${secret}`);
}

async function proveSignIn(ctx: TenantContext, role: Role, n: number, signIn: SignIn): Promise<void> {
  const status = async (generation: number) => {
    const authorization = basicAuthorization(signIn.user, await ctx.secret(signIn.secret, generation));
    return statusOf(ctx, role, n, signIn.url, { method: signIn.method, headers: { authorization } });
  };
  const taken = await status(credentialsAt(ctx, role, n));
  if (taken !== 200) throw notProved(role, `answered ${taken} to its own ${signIn.secret}`);
  const former = formerCredentials(ctx);
  if (former === null) return;
  const refused = await status(former);
  if (refused !== 401) throw notProved(role, `answered ${refused} to the ${signIn.secret} that was replaced`);
}

async function proveConsumer(ctx: TenantContext, n: number): Promise<void> {
  // One that had to be started before its turn waits for its indexer; the verification at the end asks once more.
  if (credentialsAt(ctx, "indexer") !== credentialsAt(ctx, "dashboard", n)) return;
  const status = await statusOf(ctx, "dashboard", n, DASHBOARD_STATUS, { headers: READER });
  if (status !== 200) throw notProved("dashboard", `answered ${status}: it does not get into the indexer`);
}

async function statusOf(ctx: TenantContext, role: Role, n: number, url: string, init: RequestInit): Promise<number> {
  const request = new Request(url, { ...init, redirect: "manual" });
  const answer = await within(WITHIN_MS, anyNodeStub(ctx.env, ctx.id, role, n).fetch(request));
  await answer.body?.cancel();
  return answer.status;
}

const notProved = (role: Role, why: string) => new EdgeError("CREDENTIALS_NOT_PROVED", `The ${role} ${why}.`);
