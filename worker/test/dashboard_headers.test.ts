import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DASHBOARD_ROLES, DASHBOARD_VARIANTS } from "../src/auth/claims";
import { cookieMark, markedCookie, upstreamCookies } from "../src/auth/session";
import { dashboardAnswerHeaders, dashboardRequestHeaders, UPSTREAM_ROLES } from "../src/gates/dashboard_headers";
import { digest } from "../src/ids";
import { API } from "./support/edge";

const SESSION = digest("the secret of a session");
const MARK = cookieMark(SESSION);

describe("the dashboard's cookies", () => {
  const came = (cookie: string, session = SESSION) => upstreamCookies(new Headers({ cookie }), cookieMark(session));

  it("come back under their own names, and only those of this session", () => {
    const other = digest("another session");
    const jar = `${MARK}wz-token=a=b; ${cookieMark(other)}wz-token=c; wz-token=tossed; __Host-session=s; ${MARK}=x`;
    expect(came(jar)).toBe("wz-token=a=b");
    expect(came(jar, other)).toBe("wz-token=c");
    expect(came("")).toBe("");
  });

  it("are all bound to this host, whatever the dashboard asked for", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/),
        fc.array(fc.constantFrom("Domain=dashboards.test", " domain = t", "PATH=/x", "Secure", "secure=", "HttpOnly")),
        (name, attributes) => {
          const [pair, ...set] = (markedCookie([`${name}=v`, ...attributes].join(";"), MARK) ?? "").split(";");
          const named = set.map((attribute) => attribute.trim().toLowerCase());
          expect(pair).toBe(`${MARK}${name}=v`);
          expect(named.filter((attribute) => attribute.startsWith("domain"))).toEqual([]);
          expect(named.filter((attribute) => /^(path|secure)/.test(attribute))).toEqual(["path=/", "secure"]);
        },
      ),
    );
    for (const nameless of ["", "=__Host-session=x; Path=/", "x"]) expect(markedCookie(nameless, MARK)).toBeNull();
  });
});

describe("the dashboard's answers", () => {
  it("lose what would reach beyond the tenant's origin", () => {
    const answered = new Headers({
      "service-worker-allowed": "/",
      "clear-site-data": '"*"',
      "access-control-allow-origin": "*",
      "access-control-allow-credentials": "true",
      "report-to": "{}",
      "cross-origin-resource-policy": "cross-origin",
      "content-security-policy": "script-src 'self'",
      "content-type": "text/html",
      location: "http://node:5601/dashboard/app/home?x=1",
    });
    answered.append("set-cookie", "theme=dark; Domain=dashboards.test; Path=/; HttpOnly");
    answered.append("set-cookie", "__Host-session=planted; Path=/; Secure");
    const sent = dashboardAnswerHeaders(answered, { session: SESSION, origin: new URL("http://t.dashboards.test") });
    expect(sent.getSetCookie()).toEqual([
      `${MARK}theme=dark; HttpOnly; Path=/; Secure`,
      `${MARK}__Host-session=planted; Path=/; Secure`,
    ]);
    sent.delete("set-cookie");
    expect(Object.fromEntries(sent)).toEqual({
      "content-security-policy": "script-src 'self', frame-ancestors 'self'",
      "content-type": "text/html",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      location: "/dashboard/app/home?x=1",
      "referrer-policy": "same-origin",
      "x-content-type-options": "nosniff",
    });
  });

  it("never redirect off the origin", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.webUrl(),
          fc.constantFrom("http://[", "//evil.example/x", "///evil.example", "/\\evil.example", "a/b", "?q"),
        ),
        (location) => {
          const origin = new URL("http://t.dashboards.test");
          const sent =
            dashboardAnswerHeaders(new Headers({ location }), { session: SESSION, origin }).get("location") ?? "";
          return new URL(sent, origin).origin === origin.origin;
        },
      ),
    );
  });
});

describe("the roles", () => {
  it("never become an administrator of the cluster", () => {
    for (const variant of DASHBOARD_VARIANTS)
      for (const role of DASHBOARD_ROLES)
        expect(UPSTREAM_ROLES[variant][role]).toMatch(/^tenant_(admin|operator|readonly)$/);
  });

  it("only read in a dashboard that was opened read-only, whoever opened it", () => {
    expect(new Set(Object.values(UPSTREAM_ROLES.read_only))).toEqual(new Set(["tenant_readonly"]));
  });

  it("are set by the edge, whatever headers come", () => {
    const names = fc.oneof(
      fc.constantFrom("X-Proxy-User", "x-proxy-roles", "x-forwarded-for", "authorization", "x-edge-session"),
      fc.stringMatching(/^x-[a-z]{1,12}$/),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(names, fc.stringMatching(/^[a-z_]{1,10}$/))), (pairs) => {
        const now = Date.now();
        const claims = {
          ...{ subject: "usr_vera", email: "", organization: "o", grant: null, connection: null, session: "s" },
          ...{ role: "viewer" as const, issuedAt: now, endsAt: now + 1 },
        };
        const sent = dashboardRequestHeaders(new Headers(pairs), {
          claims,
          session: SESSION,
          address: "192.0.2.7",
          origin: new URL(API),
        });
        expect(sent.get("x-proxy-user")).toBe("usr_vera");
        expect(sent.get("x-proxy-roles")).toBe("tenant_readonly");
        expect(sent.get("x-forwarded-for")).toBe("192.0.2.7");
        expect(sent.get("authorization")).toBeNull();
        expect(sent.get("x-edge-session")).toBeNull();
      }),
    );
  });
});
