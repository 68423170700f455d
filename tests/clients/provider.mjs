// The certified OpenID provider of test_sign_in_browser.py, with its own pages for signing in and consenting.
// node provider.mjs ISSUER CALLBACK. Whoever signs in as ada is ada@example.com, verified unless the name says "unverified".
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [issuer, callback] = process.argv.slice(2);
const claims = (sub) => ({ sub, name: sub, email: `${sub}@example.com`, email_verified: !sub.includes("unverified") });
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "holdfast",
      client_secret: "a-secret-that-only-this-provider-and-holdfast-know",
      redirect_uris: [callback],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  pkce: { required: () => true },
  claims: { email: ["email", "email_verified"], profile: ["name"] },
  findAccount: (_, id) => ({ accountId: id, claims: () => claims(id) }),
  cookies: { keys: ["a key of cookies"] },
});
const { hostname, port } = new URL(issuer);
createServer(provider.callback()).listen(Number(port), hostname, () => console.log("listening"));
