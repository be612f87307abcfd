import type { ByteSource } from "../../tar/byte-source.ts";
import { HomieError } from "../../resources/errors.ts";
import { rejected } from "./image-content.ts";

/** Of which content a part is, from where on, and how many bytes follow. */
export interface PartHeader {
  /** The image's id for its configuration, or the diff id of a layer. */
  readonly digest: string;
  readonly offset: number;
  readonly bytes: number;
}

/** What a stream with an image begins with; the number changes when what follows does. */
export const streamHead: Buffer = Buffer.from("homie-image/1\n");
/** A digest of 32 bytes, offset and length of 8 bytes each, big-endian. */
const headerBytes = 48;

/** A day of them, one every five seconds. */
const mostWaits = 17_280;
/** Sent while there is nothing to send yet, so that the connection is seen to live: an empty part of no content. */
export const waitingPart: Buffer = Buffer.alloc(headerBytes);

export function encodePartHeader({ digest, offset, bytes }: PartHeader): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.write(digest.slice("sha256:".length), "hex");
  header.writeBigUInt64BE(BigInt(offset), 32);
  header.writeBigUInt64BE(BigInt(bytes), 40);
  return header;
}

/** Throws ImageRejected for another format, PeerUnreachable when the stream ends inside. */
export async function readStreamHead(source: ByteSource): Promise<void> {
  const head = await source.exactly(streamHead.length);
  if (!head.equals(streamHead.subarray(0, head.length))) throw rejected("the stream has another format");
  if (head.length < streamHead.length) throw cutOff();
}

/** Undefined at the end of the stream. */
export async function readPartHeader(source: ByteSource): Promise<PartHeader | undefined> {
  let header = await source.exactly(headerBytes);
  for (let waits = 0; header.equals(waitingPart); waits++) {
    if (waits >= mostWaits) throw rejected("it never begins");
    header = await source.exactly(headerBytes);
  }
  if (header.length === 0) return undefined;
  if (header.length < headerBytes) throw cutOff();
  const [offset, bytes] = [header.readBigUInt64BE(32), header.readBigUInt64BE(40)];
  if (offset + bytes > BigInt(Number.MAX_SAFE_INTEGER)) throw rejected("a length is no length");
  return { digest: `sha256:${header.toString("hex", 0, 32)}`, offset: Number(offset), bytes: Number(bytes) };
}

export async function* readBody(source: ByteSource, bytes: number): AsyncIterable<Buffer> {
  for (let left = bytes; left > 0;) {
    const piece = await source.some(left);
    if (piece === undefined) throw cutOff();
    left -= piece.length;
    yield piece;
  }
}

/** No lie, just an end: what came is kept and gone on with. */
export function cutOff(message = "the stream with the image ended early"): HomieError {
  return new HomieError("PeerUnreachable", message, {
    hint: "homie goes on from there when the other machine answers again",
  });
}
