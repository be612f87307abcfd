import type { Call } from "./http.ts";
import { StatusFailure } from "./status-error.ts";

/**
 * A web page can make its reader's browser send requests to local servers. Browsers always say so in one of these
 * headers, and none of homie's clients sends them, so their mere presence ends the request.
 */
const browserHeaders = ["origin", "referer", "sec-fetch-site", "upgrade", "access-control-request-method"] as const;

/** `port` is tolerated because some clients add `:80` of their own accord; the name is what rebinding cannot forge. */
const ownHost = /^(homie|localhost)(:\d{1,5})?$/i;

/** Throws 403 for anything a web page, a rebound name or a WebSocket client could have sent. */
export function refuseForeign(host: string | undefined, call: Pick<Call, "header">): void {
  for (const name of browserHeaders) {
    if (call.header(name) !== undefined) throw forbidden(`requests with the header "${name}" are not answered here`);
  }
  if (host === undefined || !ownHost.test(host)) throw forbidden('the Host is neither "homie" nor "localhost"');
}

/**
 * Paths that only someone looking for a hole would send. Checked on the raw text, because URL parsing resolves dot
 * segments before anybody else sees them.
 */
export function isSuspiciousTarget(target: string): boolean {
  if (!target.startsWith("/")) return true;
  const path = target.split("?", 1)[0] ?? "";
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return /\/\/|\\|%2f|%5c|%00|[\u0000-\u001f\u007f]|\/(\.|%2e){1,2}(\/|$)/i.test(path);
}

function forbidden(message: string): StatusFailure {
  return new StatusFailure(403, "Forbidden", message);
}
