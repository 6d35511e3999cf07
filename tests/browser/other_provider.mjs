// An OpenID provider that nobody of this project wrote (npm oidc-provider): what the portal's own stand-in and the portal
// could agree on by mistake, shows here. `node other_provider.mjs PORT REDIRECT_ADDRESS`, secret in CLIENT_SECRET.
// Whoever signs in as <login> has the address <login>@acme.example and the groups of PEOPLE.
import Provider from "../../assets/node_modules/oidc-provider/lib/index.js";

const PEOPLE = { ann: ["soc-admins", "all-staff"], alice: ["all-staff"] };
const [port, redirect] = process.argv.slice(2);

const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    {
      client_id: "garrison",
      client_secret: process.env.CLIENT_SECRET,
      redirect_uris: [redirect],
      token_endpoint_auth_method: "client_secret_basic",
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  scopes: ["openid", "offline_access", "groups"],
  conformIdTokenClaims: true,
  pkce: { required: () => true },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: `${id}@acme.example`,
      email_verified: true,
      name: id[0].toUpperCase() + id.slice(1),
      groups: PEOPLE[id] ?? [],
    }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
process.stdin.on("end", () => process.exit(0)).resume();
