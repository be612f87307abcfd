import { HomieError } from "../../resources/errors.ts";

/** Everything a stream has, as long as it is not more than `maxBytes`. Throws HomieError TooLarge. */
export async function readWhole(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > maxBytes) throw new HomieError("TooLarge", `the message has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
