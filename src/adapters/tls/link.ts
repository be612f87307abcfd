import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { encodeFrame, FrameReader, maxFrameBytes, type Frame, type FrameName } from "./frames.ts";

/** Who is at the other end; proved by the TLS handshake and the group secret. */
export interface LinkPeer {
  readonly node: string;
  /** Raw Ed25519 public key. */
  readonly identity: Uint8Array;
  /** IP address, and for a link this machine dialled the port too. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
}

export interface LinkEvents {
  /** A sealed record, unchecked. */
  record(bytes: Uint8Array): void;
  gossip(message: Uint8Array): void;
  rtt(milliseconds: number): void;
  /** The newest record of our own that the other end knows, sealed: newer than what we sent. */
  known(bytes: Uint8Array): void;
  /** A word about the network, see trust/membership/exchange; unchecked. */
  membership(bytes: Uint8Array): void;
  /** About the way between two members; unchecked. */
  path(bytes: Uint8Array): void;
  /** Once; `reason` is what the other end said before it closed, if it said anything. */
  closed(reason: string | undefined): void;
}

export interface LinkOptions {
  readonly socket: Duplex;
  readonly peer: LinkPeer;
  /** True when this machine dialled. */
  readonly dialled: boolean;
  readonly nowMs: () => number;
  /** False: the frame is over the peer's rate and dropped. */
  readonly allow: () => boolean;
}

/** More than this waiting to be sent: the other end does not read, and gossip to it is dropped. */
const maxQueuedBytes = 1024 * 1024;
const maxReasonBytes = 256;
/** Echoes that are still expected; older ones are forgotten. */
const maxProbes = 8;

/** A framed connection between two admitted peers; see docs/protocol.md. */
export class Link {
  readonly peer: LinkPeer;
  readonly dialled: boolean;
  readonly #socket: Duplex;
  readonly #options: LinkOptions;
  readonly #reader = new FrameReader();
  readonly #probes = new Map<string, number>();
  #events: LinkEvents | undefined;
  #byeReason: string | undefined;
  #heardMs: number;
  #isOpen = true;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.peer = options.peer;
    this.dialled = options.dialled;
    this.#heardMs = options.nowMs();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Monotonic time of the last frame. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** Frames that came before wait in the socket. */
  start(events: LinkEvents, head: Uint8Array): void {
    this.#events = events;
    this.#socket.on("error", () => this.#end());
    this.#socket.on("close", () => this.#end());
    this.#socket.on("end", () => this.#end());
    if (head.length > 0) this.#take(head);
    this.#socket.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  /** The record travels with a number that comes back: one frame is news, sign of life and measurement. */
  heartbeat(record: Uint8Array): void {
    const probe = randomBytes(8);
    this.#probes.set(probe.toString("hex"), this.#options.nowMs());
    if (this.#probes.size > maxProbes) {
      const [oldest] = this.#probes.keys();
      if (oldest !== undefined) this.#probes.delete(oldest);
    }
    this.#write("heartbeat", Buffer.concat([probe, record]));
  }

  gossip(message: Uint8Array): void {
    if (message.length <= maxFrameBytes) this.#write("gossip", message);
  }

  /** Shows the other end a newer record of its own than the one it sent. */
  tellKnown(record: Uint8Array): void {
    this.#write("known", record);
  }

  membership(word: Uint8Array): void {
    this.#write("membership", word);
  }

  path(message: Uint8Array): void {
    this.#write("path", message);
  }

  close(reason: string): void {
    if (!this.#isOpen) return;
    this.#socket.end(encodeFrame("bye", Buffer.from(reason).subarray(0, maxReasonBytes)));
    this.#end();
  }

  #write(name: FrameName, body: Uint8Array): void {
    if (!this.#isOpen || this.#socket.writableLength > maxQueuedBytes) return;
    this.#socket.write(encodeFrame(name, body));
  }

  #take(chunk: Uint8Array): void {
    const frames = this.#reader.push(chunk);
    if (frames === "broken") return this.#socket.destroy() && undefined;
    for (const frame of frames) {
      if (!this.#isOpen) return;
      this.#heardMs = this.#options.nowMs();
      if (this.#options.allow()) this.#dispatch(frame);
    }
  }

  #dispatch({ name, body }: Frame): void {
    const events = this.#events;
    if (events === undefined) return;
    switch (name) {
      case "heartbeat":
        if (body.length <= 8) return;
        this.#write("echo", body.subarray(0, 8));
        return events.record(body.subarray(8));
      case "echo":
        return this.#measure(Buffer.from(body).toString("hex"), events);
      case "gossip":
        return events.gossip(body);
      case "known":
        return events.known(body);
      case "membership":
        return events.membership(body);
      case "path":
        return events.path(body);
      case "bye":
        this.#byeReason = Buffer.from(body.subarray(0, maxReasonBytes))
          .toString()
          .replaceAll(/[^ -~]/g, "?");
        return;
      case undefined:
        return;
    }
  }

  #measure(probe: string, events: LinkEvents): void {
    const sentMs = this.#probes.get(probe);
    if (!this.#probes.delete(probe) || sentMs === undefined) return;
    events.rtt(this.#options.nowMs() - sentMs);
  }

  #end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // Whatever is still on its way out (a bye) has a moment; then the connection is cut.
    setTimeout(() => this.#socket.destroy(), 500).unref();
    this.#events?.closed(this.#byeReason);
  }
}
