import { createByteStream } from "./http.ts";
import type { ByteStream } from "./http.ts";

/** A bounded queue between something that happens and a reader that may be slow; the stream is a response body. */
export interface Outbox {
  readonly stream: ByteStream;
  /** Puts bytes that already exist into the queue; they count as lag until the reader takes them. */
  push(bytes: Uint8Array): void;
  /** Puts something into the queue that is rendered when the reader gets there, and so costs no memory before. */
  pushLazily(render: () => Uint8Array): void;
  /** Ends the stream after what is queued. */
  end(): void;
}
export interface OutboxOptions {
  readonly maxLagBytes: number;
  /** The last thing an overtaken reader finds, in place of everything it did not read. */
  readonly overflowMarker: () => Uint8Array;
  /** Called once when the stream is over, whoever ended it. */
  readonly onClose: () => void;
  /** Cuts the connection of a reader that does not even fetch the marker. */
  readonly cut: () => void;
  /** How long an overtaken reader may take to fetch the marker. */
  readonly cutAfterMs: number;
}

/** Small events are handed over together, so that a burst of them is one write. */
const chunkBytes = 64 * 1024;

export function createOutbox(options: OutboxOptions): Outbox {
  const queue = createQueue();
  let ended = false;
  let closed = false;
  let wake: (() => void) | undefined;
  let cutTimer: NodeJS.Timeout | undefined;

  function close(): void {
    if (closed) return;
    closed = true;
    ended = true;
    queue.clear();
    clearTimeout(cutTimer);
    options.onClose();
  }
  function end(): void {
    ended = true;
    wake?.();
  }
  function add(entry: Entry): void {
    if (ended) return;
    queue.add(entry);
    if (queue.lagBytes() <= options.maxLagBytes) return wake?.();
    queue.clear();
    queue.add(options.overflowMarker);
    cutTimer = setTimeout(() => {
      options.cut();
      close();
    }, options.cutAfterMs).unref();
    end();
  }

  const stream = createByteStream({
    async next() {
      while (queue.isEmpty() && !ended) await new Promise<void>((resolve) => (wake = resolve));
      if (!queue.isEmpty()) return queue.take();
      close();
      return undefined;
    },
    close() {
      close();
      wake?.();
    },
  });
  return { stream, push: add, pushLazily: add, end };
}

type Entry = Uint8Array | (() => Uint8Array);

interface Queue {
  isEmpty(): boolean;
  add(entry: Entry): void;
  /** As many entries as make a good chunk. */
  take(): Uint8Array;
  clear(): void;
  /** Bytes held for the reader; what is not rendered yet holds none. */
  lagBytes(): number;
}

function createQueue(): Queue {
  const entries: Entry[] = [];
  let heldBytes = 0;
  return {
    isEmpty: () => entries.length === 0,
    add(entry) {
      entries.push(entry);
      if (typeof entry !== "function") heldBytes += entry.byteLength;
    },
    take() {
      const parts: Uint8Array[] = [];
      let bytes = 0;
      while (bytes < chunkBytes && parts.length < entries.length) {
        const entry = entries[parts.length];
        const part = typeof entry === "function" ? entry() : (entry ?? new Uint8Array());
        if (typeof entry !== "function") heldBytes -= part.byteLength;
        parts.push(part);
        bytes += part.byteLength;
      }
      entries.splice(0, parts.length);
      return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    },
    clear() {
      entries.length = 0;
      heldBytes = 0;
    },
    lagBytes: () => heldBytes,
  };
}
