import { HomieError } from "../../resources/errors.ts";
import { ByteSource } from "../../tar/byte-source.ts";
import type { BlobFiles } from "./blob-files.ts";
import { decodeRecordHead, recordHeadBytes } from "./blob-record.ts";
import type { RecordHead, WantedBlob } from "./blob-record.ts";
import type { KeyedLock } from "./keyed-lock.ts";
import { OpenBlob } from "./open-blob.ts";

export interface ReceiveOptions {
  /** Of content, over the whole stream. */
  readonly maxBytes: number;
  /** Looked at with every piece; whoever aborts also ends the stream. */
  readonly signal: AbortSignal;
  /** Told how many bytes of content have come so far. */
  readonly onProgress?: (bytes: number) => void;
}

export interface BlobIntake {
  readonly files: BlobFiles;
  readonly lock: KeyedLock;
  /** What may come, and how much of it is there. */
  readonly expected: readonly WantedBlob[];
  isThere(sha256: string): Promise<boolean>;
  /** Where a whole blob belongs. */
  destination(sha256: string): string;
}

const readBytes = 256 * 1024;
/** A file is on the disk before it has its name; one after the other, ten thousand small ones would wait for minutes. */
const finishedAtOnce = 16;

/** Takes records in (see blob-record.ts). Throws HomieError InputsRejected, Conflict, or PeerUnreachable at a cut. */
export async function receiveBlobs(
  intake: BlobIntake,
  stream: AsyncIterable<Uint8Array>,
  options: ReceiveOptions,
): Promise<void> {
  const source = new ByteSource(stream);
  const reception = new Reception(intake, source, options);
  try {
    while (await reception.takeRecord());
  } finally {
    await reception.rest();
    await source.close();
  }
  await reception.complete();
}

class Reception {
  readonly #intake: BlobIntake;
  readonly #source: ByteSource;
  readonly #options: ReceiveOptions;
  /** How far each blob is that may still come. */
  readonly #have: Map<string, number>;
  readonly #sizes: ReadonlyMap<string, number>;
  readonly #finishing = new Set<Promise<void>>();
  readonly #placed: string[] = [];
  #failure: { readonly error: unknown } | undefined;
  #bytes = 0;

  constructor(intake: BlobIntake, source: ByteSource, options: ReceiveOptions) {
    this.#intake = intake;
    this.#source = source;
    this.#options = options;
    this.#have = new Map(intake.expected.map(({ sha256, have }) => [sha256, have]));
    this.#sizes = new Map(intake.expected.map(({ sha256, bytes }) => [sha256, bytes]));
  }

  /** False at the end of the stream. */
  async takeRecord(): Promise<boolean> {
    this.#throwFailure();
    this.#options.signal.throwIfAborted();
    const bytes = await this.#source.exactly(recordHeadBytes);
    if (bytes.length === 0) return false;
    if (bytes.length < recordHeadBytes) throw brokenOff();
    const head = decodeRecordHead(bytes);
    const size = this.#checkHead(head);
    const reached = head.offset + head.length;
    if (reached === size) this.#have.delete(head.sha256);
    else this.#have.set(head.sha256, reached);
    await this.#takeContent(head, size);
    return true;
  }

  /** Nothing is on its way to the disk after this. */
  async rest(): Promise<void> {
    while (this.#finishing.size > 0) await Promise.all(this.#finishing);
  }

  async complete(): Promise<void> {
    this.#throwFailure();
    await this.#intake.files.syncNames(this.#placed);
  }

  /** Answers the size of the whole blob. */
  #checkHead({ sha256, offset, length }: RecordHead): number {
    const size = this.#sizes.get(sha256);
    const have = this.#have.get(sha256);
    if (size === undefined || have === undefined) throw rejected(`${sha256} is not wanted`);
    if (offset !== have) throw rejected(`${sha256} goes on at ${offset}, but ${have} bytes are here`);
    if (length > size - offset) throw rejected(`${sha256} is longer than ${size} bytes`);
    if (length === 0 && offset !== size) throw rejected(`a record of ${sha256} is empty`);
    if (this.#bytes + length > this.#options.maxBytes)
      throw rejected(`more than ${this.#options.maxBytes} bytes come, the most the job may bring`);
    return size;
  }

  async #takeContent(head: RecordHead, size: number): Promise<void> {
    // Another stream may be bringing the same blob: this one waits, and adds what is missing then.
    const release = await this.#intake.lock.take(head.sha256);
    const whole = await this.#fill(head, size).catch((error: unknown) => {
      release();
      throw error;
    });
    const finishing = this.#finish(head.sha256, whole)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        release();
        this.#finishing.delete(finishing);
      });
    this.#finishing.add(finishing);
    while (this.#finishing.size >= finishedAtOnce) await Promise.race(this.#finishing);
  }

  /** Answers the blob if all of it has been written now. What was written stays, whatever happens. */
  async #fill({ sha256, offset, length }: RecordHead, size: number): Promise<OpenBlob | undefined> {
    if (await this.#intake.isThere(sha256)) {
      await this.#read(length, () => Promise.resolve());
      return undefined;
    }
    const blob = await OpenBlob.open(this.#intake.files.partial(sha256));
    try {
      if (blob.position < offset || blob.position > size)
        throw new HomieError("Conflict", `what was here of ${sha256} is another part now; ask again what is wanted`);
      let position = offset;
      await this.#read(length, async (piece) => {
        await blob.write(piece.subarray(Math.min(piece.length, blob.position - position)));
        position += piece.length;
      });
    } catch (error) {
      await blob.close();
      throw error;
    }
    if (blob.position === size) return blob;
    await blob.close();
    return undefined;
  }

  async #read(length: number, take: (piece: Buffer) => Promise<void>): Promise<void> {
    for (let left = length; left > 0;) {
      const piece = await this.#source.some(Math.min(left, readBytes));
      this.#options.signal.throwIfAborted();
      if (piece === undefined) throw brokenOff();
      await take(piece);
      left -= piece.length;
      this.#bytes += piece.length;
      this.#options.onProgress?.(this.#bytes);
    }
  }

  async #finish(sha256: string, blob: OpenBlob | undefined): Promise<void> {
    if (blob === undefined) return;
    if (!(await blob.finish(sha256))) throw rejected(`what came as ${sha256} is something else`);
    const destination = this.#intake.destination(sha256);
    await this.#intake.files.place(this.#intake.files.partial(sha256), destination);
    this.#placed.push(destination);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

function brokenOff(): HomieError {
  return new HomieError("PeerUnreachable", "the files of the job break off; what came is kept and gone on with");
}

function rejected(rule: string): HomieError {
  return new HomieError("InputsRejected", `the input files are refused: ${rule}`);
}
