/** What an executor lacks; `have` bytes of it are there already. */
export interface WantedBlob {
  readonly sha256: string;
  readonly bytes: number;
  readonly have: number;
}

/**
 * Blobs travel as records: the hash (32 bytes), where the content goes on and how much of it comes (64-bit, big-endian),
 * then the content. A record may be less than the rest of its blob.
 */
export interface RecordHead {
  /** Hex. */
  readonly sha256: string;
  readonly offset: number;
  readonly length: number;
}

export const recordHeadBytes = 48;

export function encodeRecordHead({ sha256, offset, length }: RecordHead): Buffer {
  const head = Buffer.alloc(recordHeadBytes);
  head.write(sha256, "hex");
  head.writeBigUInt64BE(BigInt(offset), 32);
  head.writeBigUInt64BE(BigInt(length), 40);
  return head;
}

/** Numbers too large to count with are rounded; no blob is that large. */
export function decodeRecordHead(head: Buffer): RecordHead {
  return {
    sha256: head.toString("hex", 0, 32),
    offset: Number(head.readBigUInt64BE(32)),
    length: Number(head.readBigUInt64BE(40)),
  };
}
