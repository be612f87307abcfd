import type { IncomingMessage } from "node:http";
import type Docker from "dockerode";
import type { RuntimeFacts, TreeEntry } from "../../controllers/attempt/ports.ts";
import type { Attempt } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import { untouchedSeconds } from "../project/stage-stream.ts";
import type { TarEntry } from "../../tar/read.ts";
import { readTar } from "../../tar/read.ts";
import { jobDirectory } from "./container-body.ts";
import type { Containers } from "./containers.ts";
import { translateEngineError } from "./engine-error.ts";
import { containerName } from "./names.ts";
import { answerMs, within } from "./within.ts";

const maxEntries = 200_000;
/** Sparse files count with their full length, so a tree may seem larger than the disk it was allowed; not by any factor. */
const sparseAllowance = 4;
/** The archive holds the work directory under its own name. */
const rootName = "job";

/** Streams the work directory of an ended container; leaving the loop early closes the connection. */
export async function* readWorkTree(
  { containers, look }: { readonly containers: Containers; readonly look: () => Promise<RuntimeFacts> },
  attempt: Attempt,
  signal: AbortSignal,
): AsyncIterable<TreeEntry> {
  const { phase } = await look();
  // While a program runs its files change under the reader; and what it left running dies with the container.
  if (phase !== "exited")
    throw new HomieError("OutputRejected", `outputs of ${containerName(attempt)} are read while it is ${phase}`);
  const container = containers.handle(attempt);
  if (await isUntouched(container, attempt, signal)) return;
  const archive = await container.getArchive({ path: jobDirectory, abortSignal: signal }).catch((error: unknown) => {
    throw translateEngineError(error, "OutputRejected", "cannot read the work directory");
  });
  const limits = {
    mode: "collect",
    maxTotalBytes: attempt.spec.resources.diskBytes * sparseAllowance,
    maxEntries,
  } as const;
  for await (const entry of readTar(archive as AsyncIterable<Buffer>, limits)) {
    const treeEntry = toTreeEntry(entry);
    if (treeEntry !== undefined) yield treeEntry;
  }
}

/**
 * Nothing was brought into the work directory, and nothing put into it since. To look costs the engine a fraction of what an
 * archive does, for which it starts itself anew. Whoever sets the time back by hand hides what is his own.
 */
async function isUntouched(container: Docker.Container, attempt: Attempt, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await within(
      answerMs,
      (abortSignal) => container.infoArchive({ path: jobDirectory, abortSignal }),
      signal,
    );
    const { headers } = (answer as unknown as IncomingMessage).resume();
    return isTime(timeOf(headers["x-docker-container-path-stat"]), untouchedSeconds(attempt));
  } catch {
    signal.throwIfAborted();
    // The archive is asked for then, and says what is wrong.
    return false;
  }
}

function timeOf(stat: string | readonly string[] | undefined): unknown {
  const text = Buffer.from(typeof stat === "string" ? stat : "", "base64").toString("utf8");
  return (JSON.parse(text) as { readonly mtime?: unknown }).mtime;
}

/** RFC 3339, of a whole second. */
function isTime(text: unknown, seconds: number): boolean {
  return typeof text === "string" && /:\d\d(?:Z|[+-]\d\d:\d\d)$/.test(text) && Date.parse(text) === seconds * 1000;
}

function toTreeEntry(entry: TarEntry): TreeEntry | undefined {
  if (entry.kind === "directory" && entry.reason === undefined) return undefined;
  const path = entry.path.startsWith(`${rootName}/`) ? entry.path.slice(rootName.length + 1) : entry.path;
  const facts = { path, bytes: entry.bytes, executable: (entry.mode & 0o111) !== 0 };
  return entry.reason === undefined ? { ...facts, body: entry.body } : { ...facts, skipped: entry.reason };
}
