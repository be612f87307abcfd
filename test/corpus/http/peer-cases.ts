import { post, request, sent, type HttpCase } from "./case.ts";
import { framings } from "./framing-cases.ts";
import { attemptName, uid } from "./peer-bed.ts";

const claims = "/homie/v1/claims";
const attempt = `/homie/v1/attempts/${attemptName}`;
const get = (path: string, ...headers: readonly string[]): string => request(`GET ${path}`, headers);

/** Sent by a member of the crew to the peer port. */
export const peerCases: readonly HttpCase[] = [
  sent("W-02", "a header of 17 KiB", get(`${attempt}/report`, `X-Long: ${"x".repeat(17 * 1024)}`), "closed"),
  sent("W-02", "a path of 17 KiB", get(`/${"x".repeat(17 * 1024)}`), "closed"),
  sent("W-02", "200 headers", get(`${attempt}/report`, ...Array.from({ length: 200 }, (_, at) => `X-${at}: y`)), 404),
  sent("W-02", "half a request and a closed half", [`GET ${attempt}/report HTTP/1.1\r\nHost: ho`, null], "closed"),
  ...framings.map(({ id, title, headers, body }) =>
    sent(id, title, request(`POST ${claims}`, ["Content-Type: application/json", ...headers], body), "closed"),
  ),
  sent("W-03", "no HTTP at all", "hello\r\n\r\n", "closed"),
  ...[
    ...[
      "/homie/v1/attempts/../../etc/passwd/log",
      "/%2e%2e/%2e%2e/etc/passwd",
      "/homie/v1//claims",
      "/",
      "/etc/passwd",
    ],
    ...["//", "///x", "//homie:99999/x", "http://[/x", "http://", "/\\", "*", "/homie/v1/claims/../.."],
    ...[
      `/homie/v1/attempts/${uid}/log`,
      `/homie/v1/attempts/${uid}-0x1/log`,
      `/homie/v1/attempts/${"a".repeat(36)}-1/log`,
    ],
    ...[`${attempt}/delete`, `${attempt}%2flog`, `${attempt}/log/..%2f..`, `${attempt}/log%00`, `${attempt}/LOG`],
  ].map((path) => sent("W-04", `the path ${path}`, get(path), 404)),
  sent("W-04", "a NUL in the path", get(`${attempt}/log\u0000`), "closed"),
  sent("W-04", "a path that does not begin with a slash", get("homie/v1/claims"), "closed"),
  sent("W-05", "a claim by GET", get(claims), 404),
  sent("W-05", "a report by POST", post(`${attempt}/report`, "{}"), 404),
  sent("W-05", "a method that is none", request(`BREW ${claims}`), "closed"),
  sent("W-05", "CONNECT", request("CONNECT homie:80"), "closed"),
  sent("W-05", "0 bytes", post(claims, ""), 400),
  sent("W-05", "half of a JSON", post(claims, '{"claim":'), 400),
  sent("W-05", "JSON that is no object", post(claims, "[1]"), 400),
  sent("W-05", "null", post(claims, "null"), 400),
  sent("W-05", "10,000 brackets", post(claims, `${"[".repeat(10_000)}${"]".repeat(10_000)}`), 400),
  sent("W-05", "a claim without a seal", post(claims, '{"claim":"{}"}'), 400),
  sent("W-05", "a claim with a seal that is a number", post(claims, '{"claim":"{}","seal":1}'), 400),
  sent("W-05", "a body of 1 MiB and a byte", post(claims, " ".repeat(1024 * 1024 + 1)), 413),
  sent("W-05", "1 MiB and a byte in chunks", chunks(1024 * 1024 + 1), 413),
  sent("W-05", "a number that is none in the query", get(`${attempt}/log?from=NaN`), 400),
  sent("W-05", "a number over all bounds in the query", get(`${attempt}/log?from=99999999999999999999`), 400),
  sent("W-09", "a WebSocket", get("/", "Connection: Upgrade", "Upgrade: websocket"), 400),
  sent("W-09", "a link without a proof", get("/homie/v1/link", "Connection: Upgrade", "Upgrade: homie-link/1"), 401),
  sent("W-11", "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "closed"),
];

function chunks(bytes: number): string {
  const body = `${bytes.toString(16)}\r\n${" ".repeat(bytes)}\r\n0\r\n\r\n`;
  return request(`POST ${claims}`, ["Content-Type: application/json", "Transfer-Encoding: chunked"], body);
}
