import type { CollectOutcome, TreeEntry } from "../../controllers/attempt/ports.ts";
import type { Attempt, StagedOutput } from "../../resources/attempt.ts";
import type { InputsBaseline } from "../project/stage-stream.ts";
import { Flushes } from "./flushes.ts";
import { activeRules } from "./match-rules.ts";
import type { ActiveRule } from "./match-rules.ts";
import { OutputNames } from "./output-names.ts";
import { resultsMarker } from "./results-directory.ts";
import { writeOutput } from "./write-output.ts";

export interface CollectionOptions {
  readonly attempt: Attempt;
  /** Directory the files go into; empty at the start. */
  readonly outputs: string;
  readonly signal: AbortSignal;
  readonly succeeded: boolean;
  readonly baseline: ReadonlyMap<string, InputsBaseline[string]>;
}

const maxEntries = 100_000;
/** A listing for people; the count of the rest is enough. */
const maxSkippedListed = 200;
/** Bytes of files nobody asked for still have to be read past when an engine sends one archive. */
const maxWalkedFactor = 16;

/** One pass over a work directory: judges each entry and keeps what a rule wants. */
export class Collection {
  readonly #options: CollectionOptions;
  readonly #diskBytes: number;
  readonly #rules: readonly ActiveRule[];
  readonly #names = new OutputNames();
  readonly #flushes = new Flushes();
  readonly #collected: StagedOutput[] = [];
  readonly #skipped: { path: string; reason: string }[] = [];
  readonly #bytesOfRule = new Map<number, number>();
  readonly #closedRules = new Set<number>();
  #violation: CollectOutcome["violation"];
  #skippedCount = 0;
  #entries = 0;
  #walkedBytes = 0;
  #keptBytes = 0;

  constructor(options: CollectionOptions) {
    this.#options = options;
    this.#diskBytes = options.attempt.spec.resources.diskBytes;
    this.#rules = activeRules(options.attempt.spec.outputs, options.succeeded);
  }

  async take(entry: TreeEntry): Promise<"continue" | "stop"> {
    this.#options.signal.throwIfAborted();
    this.#entries += 1;
    this.#walkedBytes += entry.bytes;
    if (this.#entries > maxEntries) return this.#stop(`the work directory holds more than ${maxEntries} files`);
    const active = this.#rules.find((candidate) => candidate.matches(entry.path));
    if (active !== undefined) return this.#takeFor(active, entry);
    if (this.#walkedBytes <= maxWalkedFactor * this.#diskBytes) return "continue";
    return this.#stop("the work directory holds far more than its disk limit");
  }

  async #takeFor(active: ActiveRule, entry: TreeEntry): Promise<"continue" | "stop"> {
    const reason = this.#reasonToSkip(active, entry);
    if (reason !== undefined || entry.body === undefined) return this.#skip(entry.path, reason ?? "not a regular file");
    const staged = active.onlyChanged ? this.#options.baseline.get(entry.path) : undefined;
    // A staged file of the same size is read first: only its hash tells whether it counts at all.
    const mayBeUnchanged = staged?.bytes === entry.bytes;
    const tooMuch = mayBeUnchanged ? undefined : this.#excess(active, entry);
    if (tooMuch !== undefined) return this.#refuse(tooMuch, active, entry);
    const written = await writeOutput({
      ...{ path: entry.path, body: entry.body, bytes: entry.bytes, executable: entry.executable },
      outputs: this.#options.outputs,
      signal: this.#options.signal,
      flushes: this.#flushes,
      admit: (sha256) => this.#admit(active, entry, { isUnchanged: mayBeUnchanged && staged.sha256 === sha256 }),
    });
    return "hash" in written ? this.#keep(active, entry, written.hash) : this.#leave(active, entry, written.refused);
  }

  #reasonToSkip(active: ActiveRule, entry: TreeEntry): string | undefined {
    if (entry.skipped !== undefined) return entry.skipped;
    if (entry.path === resultsMarker) return "the name is homie's own";
    return this.#closedRules.has(active.index) ? overRule : undefined;
  }

  #leave(active: ActiveRule, entry: TreeEntry, refused: string): "continue" | "stop" {
    if (refused === unchanged) return "continue";
    if (refused === "rule" || refused === "attempt") return this.#refuse(refused, active, entry);
    return this.#skip(entry.path, refused);
  }

  #admit(active: ActiveRule, entry: TreeEntry, { isUnchanged }: { readonly isUnchanged: boolean }): string | undefined {
    return isUnchanged ? unchanged : (this.#excess(active, entry) ?? this.#names.take(entry.path));
  }

  #keep(active: ActiveRule, { path, bytes, executable }: TreeEntry, sha256: string): "continue" {
    this.#bytesOfRule.set(active.index, (this.#bytesOfRule.get(active.index) ?? 0) + bytes);
    this.#keptBytes += bytes;
    this.#collected.push({ path, bytes, sha256, rule: active.index, executable });
    return "continue";
  }

  #excess(active: ActiveRule, entry: TreeEntry): Excess | undefined {
    if (this.#keptBytes + entry.bytes > this.#diskBytes) return "attempt";
    const ofRule = this.#bytesOfRule.get(active.index) ?? 0;
    return ofRule + entry.bytes > (active.rule.maxBytes ?? Number.POSITIVE_INFINITY) ? "rule" : undefined;
  }

  #refuse(excess: Excess, active: ActiveRule, entry: TreeEntry): "continue" | "stop" {
    if (excess === "attempt")
      return this.#stop(`${entry.path} takes the outputs over the disk limit of ${this.#diskBytes} bytes`);
    this.#closedRules.add(active.index);
    const message = `${entry.path} takes outputs[${active.index}] over its maxSize of ${active.rule.maxBytes} bytes`;
    this.#violation ??= { reason: "OutputTooLarge", message };
    this.#skip(entry.path, overRule);
    // Nobody wants what is left, which may be terabytes of nothing.
    return this.#closedRules.size === this.#rules.length ? "stop" : "continue";
  }

  #skip(path: string, reason: string): "continue" {
    this.#skippedCount += 1;
    if (this.#skipped.length < maxSkippedListed) this.#skipped.push({ path, reason });
    return "continue";
  }

  #stop(message: string): "stop" {
    this.#violation ??= { reason: "OutputTooLarge", message };
    return "stop";
  }

  /** Ends the collection: there is more than anybody agreed to read. */
  giveUp(message: string): void {
    this.#violation ??= { reason: "OutputTooLarge", message };
  }

  /** What was kept is durable, but for the names in the top directory. */
  settle(): Promise<void> {
    return this.#flushes.settle();
  }

  outcome(): CollectOutcome {
    const unlisted = this.#skippedCount - this.#skipped.length;
    const skipped =
      unlisted === 0 ? this.#skipped : [...this.#skipped, { path: "...", reason: `${unlisted} more were skipped` }];
    const violation = this.#violation ?? this.#missing();
    return { outputs: this.#collected, skipped, ...(violation === undefined ? {} : { violation }) };
  }

  /** A program that failed has a better reason to tell than the files it did not get to write. */
  #missing(): CollectOutcome["violation"] {
    if (!this.#options.succeeded) return undefined;
    const missing = this.#rules.find(({ index, rule }) => rule.required && !this.#bytesOfRule.has(index));
    if (missing === undefined) return undefined;
    const what = missing.onlyChanged ? "new or changed file" : `file matching ${missing.rule.paths.join(", ")}`;
    return {
      reason: "OutputMissing",
      message: `the program left no ${what}, which outputs[${missing.index}] requires`,
    };
  }
}

/** Which cap a file would break: its rule's maxSize or the whole attempt's disk limit. */
type Excess = "rule" | "attempt";
const unchanged = "unchanged";
const overRule = "its rule is over maxSize";
