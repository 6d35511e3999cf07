import { EdgeError } from "../errors";

/** What the platform says of a client's certificate in the TLS handshake (`request.cf.tlsClientAuth`); all of it is text. */
interface ClientAuth {
  certPresented?: string;
  certVerified?: string;
  certRevoked?: string;
  certFingerprintSHA256?: string;
}

const FINGERPRINT = /^[0-9a-f]{64}$/;

/**
 * SHA-256 (hex) of the certificate whose key the client proved to have, in a chain that the zone's authority signed.
 *
 * That alone lets nobody in: every customer's certificate may come from that authority, so one must also be pinned. A
 * revoked certificate still counts as verified, which is why both are looked at.
 *
 * @returns null where the client showed none
 * @throws EdgeError CERTIFICATE_REFUSED
 * @see https://developers.cloudflare.com/workers/runtime-apis/request/#incomingrequestcfproperties
 */
export function clientCertificate(request: Request): string | null {
  const shown = request.cf?.tlsClientAuth as ClientAuth | undefined;
  if (shown?.certPresented !== "1") return null;
  if (shown.certVerified !== "SUCCESS") throw refused("is not signed by this zone's authority, or has ended");
  // Whatever is not said to stand counts as revoked.
  if (shown.certRevoked !== "0") throw refused("was revoked");
  const fingerprint = shown.certFingerprintSHA256?.toLowerCase() ?? "";
  if (!FINGERPRINT.test(fingerprint)) throw refused("has no fingerprint");
  return fingerprint;
}

const refused = (why: string) => new EdgeError("CERTIFICATE_REFUSED", `The client's certificate ${why}.`);
