import type { HttpCase } from "./case.ts";

/** Two readers of one stream must not see two different requests: whatever can be read in two ways is refused. */
export interface Framing {
  readonly id: HttpCase["id"];
  readonly title: string;
  /** Header lines and body of a POST. */
  readonly headers: readonly string[];
  readonly body: string;
}

function tricky(title: string, headers: readonly string[], body: string): Framing {
  return { id: "W-03", title, headers, body };
}

const chunked = "Transfer-Encoding: chunked";
const end = "0\r\n\r\n";

export const framings: readonly Framing[] = [
  tricky("a length and chunks", ["Content-Length: 5", chunked], `2\r\n{}\r\n${end}`),
  tricky("chunks and a length", [chunked, "Content-Length: 2"], `2\r\n{}\r\n${end}`),
  tricky("two lengths", ["Content-Length: 2", "Content-Length: 20"], "{}"),
  tricky("two lengths in one header", ["Content-Length: 2, 20"], "{}"),
  tricky("a length with a sign", ["Content-Length: +2"], "{}"),
  tricky("a negative length", ["Content-Length: -1"], "{}"),
  tricky("a hexadecimal length", ["Content-Length: 0x2"], "{}"),
  tricky("a length that overflows", ["Content-Length: 99999999999999999999"], "{}"),
  tricky("a space before the colon", ["Content-Length : 2"], "{}"),
  tricky("an encoding of another name", ["Transfer-Encoding: xchunked"], `2\r\n{}\r\n${end}`),
  tricky("chunks that are not the last encoding", ["Transfer-Encoding: chunked, identity"], `2\r\n{}\r\n${end}`),
  tricky("two encodings", [chunked, "Transfer-Encoding: identity"], `2\r\n{}\r\n${end}`),
  tricky("a chunk without a size", [chunked], `\r\n{}\r\n${end}`),
  tricky("a chunk of a negative size", [chunked], `-2\r\n{}\r\n${end}`),
  tricky("a chunk with a 0x", [chunked], `0x2\r\n{}\r\n${end}`),
  tricky("a chunk size that overflows", [chunked], `ffffffffffffffffff\r\n{}\r\n${end}`),
  tricky("a chunk longer than it says", [chunked], `1\r\n{}\r\n${end}`),
  tricky("a chunk ended by a bare line feed", [chunked], `2\n{}\r\n${end}`),
  tricky("a line feed in the extension of a chunk", [chunked], `2;a\nb\r\n{}\r\n${end}`),
  tricky("a folded header", ["X-A: b", " Content-Length: 2"], "{}"),
  tricky("a carriage return in a header", ["X-A: b\rContent-Length: 2"], "{}"),
  tricky("a NUL in a header", ["X-A: b\u0000c"], ""),
];
