import { HomieError } from "../../resources/errors.ts";

/** An engine's messages are a few hundred bytes; one without end must not eat the memory. */
const maxLineBytes = 1024 * 1024;

/** One value a line, as the engine's events and pull progress come; lines may be cut anywhere between chunks. */
export async function* readJsonLines(stream: AsyncIterable<Buffer | string>): AsyncIterable<unknown> {
  let rest = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, typeof chunk === "string" ? Buffer.from(chunk) : chunk]);
    let from = 0;
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a, from)) {
      const line = parseLine(rest.subarray(from, end));
      if (line !== undefined) yield line;
      from = end + 1;
    }
    rest = rest.subarray(from);
    if (rest.length > maxLineBytes)
      throw new HomieError("EngineUnavailable", "the engine sent a message without an end");
  }
  const last = parseLine(rest);
  if (last !== undefined) yield last;
}

function parseLine(line: Buffer): unknown {
  const text = line.toString().trim();
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new HomieError("EngineUnavailable", "the engine sent a message that is not JSON", { cause: error });
  }
}
