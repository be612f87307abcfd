/** Bytes as they go over the wire, and what comes back. */
export interface HttpCase {
  readonly id: `W-${string}`;
  readonly title: string;
  /** Sent as it is; `null` at the end: the sending half of the connection is closed after it. */
  readonly send: string | Buffer | readonly [text: string, end: null];
  /** Status of the first answer; "closed": the connection ends without one. */
  readonly answer: number | "closed";
}

export function sent(id: HttpCase["id"], title: string, send: HttpCase["send"], answer: HttpCase["answer"]): HttpCase {
  return { id, title, send, answer };
}

/** One request with these header lines besides Host, the connection ending after its answer. */
export function request(line: string, headers: readonly string[] = [], body = ""): string {
  return [`${line} HTTP/1.1`, "Host: homie", "Connection: close", ...headers, "", body].join("\r\n");
}

export function post(path: string, body: string, type = "application/json"): string {
  return request(`POST ${path}`, [`Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`], body);
}

/** Status of the first answer in what came before the connection ended, or "closed". */
export function statusOf(answer: string): number | "closed" {
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
  return status === undefined ? "closed" : Number(status);
}
