import { post, request, sent, type HttpCase } from "./case.ts";
import { framings } from "./framing-cases.ts";

const jobs = "/apis/homie.dev/v1/jobs";
const get = (path: string, ...headers: readonly string[]): string => request(`GET ${path}`, headers);
const lines = (count: number): string[] => Array.from({ length: count }, (_, index) => `X-${index}: y`);
const webSocket = ["Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"];
const manifest = JSON.stringify({ apiVersion: "homie.dev/v1", kind: "Job", metadata: { name: "x" }, spec: {} });

export const localCases: readonly HttpCase[] = [
  sent("W-02", "a header of 17 KiB", get(jobs, `X-Long: ${"x".repeat(17 * 1024)}`), 431),
  sent("W-02", "a path of 17 KiB", get(`/${"x".repeat(17 * 1024)}`), 431),
  sent("W-02", "200 headers", get(jobs, ...lines(200)), 431),
  sent("W-02", "200 headers before one of a browser", get(jobs, ...lines(200), "Origin: http://evil.example"), 431),
  sent("W-02", "a whole request and a closed half", [get("/healthz"), null], 200),
  sent("W-02", "half a request and a closed half", [`GET ${jobs} HTTP/1.1\r\nHost: ho`, null], 400),
  ...framings.map(({ id, title, headers, body }) =>
    sent(id, title, request(`POST ${jobs}`, ["Content-Type: application/json", ...headers], body), 400),
  ),
  sent("W-03", "no HTTP at all", "hello\r\n\r\n", 400),
  sent("W-03", "another version of HTTP", "GET / HTTP/9.9\r\nHost: homie\r\n\r\n", 400),
  sent("W-03", "no Host", `GET ${jobs} HTTP/1.1\r\nConnection: close\r\n\r\n`, 400),
  sent("W-03", "two Hosts", get(jobs, "Host: localhost"), 400),
  ...[
    ...["/apis/../healthz", "/healthz/..", "/%2e%2e/healthz", "/.%2E/healthz", "/./healthz", "//healthz", `${jobs}//x`],
    ...[`${jobs}/a%2f..%2fb`, `${jobs}/a%5cb`, `${jobs}/a%00b`, "/healthz\\x", `${jobs}/..%2f..%2fetc%2fpasswd/log`],
    ...["http://homie/healthz", "*", `${jobs}/a%2F%2e%2e`],
  ].map((path) => sent("W-04", `the path ${path}`, get(path), 400)),
  sent("W-04", "a NUL in the path", get(`${jobs}/a\u0000b`), 400),
  ...["/", "/etc/passwd", "/apis/homie.dev/v2/jobs", `${jobs}/x`, `${jobs}/X_Y/log`].map((path) =>
    sent("W-04", `the path ${path}, where nothing is`, get(path), 404),
  ),
  ...["attempts/1/log", "attempts/not-a-uuid/log"].map((path) =>
    sent("W-04", `the attempt ${path}, which is no id`, get(`/apis/homie.dev/v1/${path}`), 404),
  ),
  ...["PUT", "PATCH"].map((method) => sent("W-05", `${method} on a collection`, request(`${method} ${jobs}`), 405)),
  sent("W-05", "a method that is none", request(`BREW ${jobs}`), 400),
  sent("W-05", "TRACE", request(`TRACE ${jobs}`), 405),
  sent("W-05", "CONNECT", request("CONNECT homie:80"), "closed"),
  sent("W-05", "a form", post(jobs, "name=x", "application/x-www-form-urlencoded"), 415),
  sent("W-05", "plain text", post(jobs, manifest, "text/plain"), 415),
  sent("W-05", "no type", request(`POST ${jobs}`, ["Content-Length: 2"], "{}"), 415),
  sent("W-05", "0 bytes", post(jobs, ""), 400),
  sent("W-05", "half of a JSON", post(jobs, manifest.slice(0, -2)), 400),
  sent("W-05", "JSON with a __proto__", post(jobs, manifest.replace('"x"', '"x","__proto__":{"a":1}')), 400),
  sent("W-05", "10,000 brackets", post(jobs, `${"[".repeat(10_000)}${"]".repeat(10_000)}`), 400),
  sent(
    "W-05",
    "text that is not UTF-8",
    Buffer.from(post(jobs, manifest.replace("Job", "J?b")).replace("J?b", "J\u00fcb"), "latin1"),
    400,
  ),
  sent("W-05", "a body of 1 MiB and a byte", post(jobs, " ".repeat(1024 * 1024 + 1)), 413),
  sent(
    "W-05",
    "1 MiB and a byte in chunks",
    request(
      `POST ${jobs}`,
      ["Content-Type: application/json", "Transfer-Encoding: chunked"],
      `100001\r\n${" ".repeat(0x100001)}\r\n0\r\n\r\n`,
    ),
    413,
  ),
  ...[
    "Origin: null",
    "Origin: http://evil.example",
    "Origin: http://localhost",
    "Referer: http://localhost/",
    "Sec-Fetch-Site: none",
  ].map((header) => sent("W-09", `the header ${header}`, get(jobs, header), 403)),
  sent("W-09", "a WebSocket", get(jobs, "Connection: Upgrade", ...webSocket), 403),
  sent(
    "W-09",
    "a preflight",
    request(`OPTIONS ${jobs}`, ["Origin: http://evil.example", "Access-Control-Request-Method: POST"]),
    403,
  ),
  sent(
    "W-09",
    "a form of a page",
    post(jobs, manifest, "text/plain").replace("Host", "Origin: http://evil.example\r\nHost"),
    403,
  ),
  ...["evil.example", "127.0.0.1", "homie.evil.example", "[::1]", "localhost.evil.example", "homie:99999999"].map(
    (host) => sent("W-09", `the rebound host ${host}`, get(jobs).replace("Host: homie", `Host: ${host}`), 403),
  ),
  sent("W-11", "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
  sent(
    "W-11",
    "an upgrade to HTTP/2",
    get(jobs, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
    403,
  ),
];
