import type { AttemptReason, AttemptReport, ImageFacts, InputRoot } from "../../resources/attempt.ts";
import type { AttemptResources } from "../../resources/attempt.ts";

/** The files and the image of an attempt, offered after its claim was granted. */
export interface OfferMessage {
  readonly inputs: InputRoot;
  readonly image?: ImageFacts;
}
export type ClaimAnswer =
  | {
      readonly granted: true;
      readonly runtime: "docker" | "process";
      readonly resources: AttemptResources;
      readonly timeoutSeconds?: number;
    }
  | {
      readonly granted: false;
      readonly reasons: readonly {
        readonly limit: string;
        readonly need: string;
        readonly free: string;
        readonly message: string;
      }[];
      readonly waitable: boolean;
    };
/** What the executor lacks; both lists empty when the program can begin. */
export interface Lacking {
  readonly inputs: readonly { readonly sha256: string; readonly bytes: number; readonly have: number }[];
  /** Layers by diff id; absent when the image is there or can be pulled. */
  readonly image?: readonly { readonly diffId: string; readonly have: number }[];
}
export interface ReportAnswer {
  /** Changes with every change of the report. */
  readonly version: string;
  /** The executor's own clock, to be sent back with the next request: its lease counts from there. */
  readonly clockMs: number;
  readonly report: AttemptReport;
}

/**
 * What a machine does for attempts of others. `node` is the key of the caller's connection. Every call on an attempt that
 * is not the caller's, or not there, throws HomieError NotFound; what is not wanted throws PeerRefused or BadRequest.
 */
export interface AttemptHost {
  claim(node: string, bytes: Uint8Array, seal: string): Promise<ClaimAnswer>;
  offer(node: string, name: string, bytes: Uint8Array, seal: string): Promise<Lacking>;
  receiveInputs(node: string, name: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  receiveImage(node: string, name: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  begin(node: string, name: string): Promise<void>;
  stop(node: string, name: string, wish: { readonly reason: AttemptReason; readonly message: string }): void;
  dismiss(node: string, name: string): "done" | "pending";
  /** Answers when the report has another version than the caller's, or after a while. */
  report(
    node: string,
    name: string,
    known: { readonly version?: string; readonly seenMs?: number },
    signal: AbortSignal,
  ): Promise<ReportAnswer>;
  /** Bytes of the log file from an offset on, until it is complete; an empty piece first, when there is a log to follow. */
  log(node: string, name: string, from: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Bytes of all outputs from one place on, in the order of the report. */
  outputs(
    node: string,
    name: string,
    from: { readonly index: number; readonly offset: number },
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
}
