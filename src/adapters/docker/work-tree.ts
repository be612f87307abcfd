import type { RuntimeFacts, TreeEntry } from "../../controllers/attempt/ports.ts";
import type { Attempt } from "../../resources/attempt.ts";
import { HomieError } from "../../resources/errors.ts";
import type { TarEntry } from "../../tar/read.ts";
import { readTar } from "../../tar/read.ts";
import { jobDirectory } from "./container-body.ts";
import type { Containers } from "./containers.ts";
import { translateEngineError } from "./engine-error.ts";
import { containerName } from "./names.ts";

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
  const archive = await containers
    .handle(attempt)
    .getArchive({ path: jobDirectory, abortSignal: signal })
    .catch((error: unknown) => {
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

function toTreeEntry(entry: TarEntry): TreeEntry | undefined {
  if (entry.kind === "directory" && entry.reason === undefined) return undefined;
  const path = entry.path.startsWith(`${rootName}/`) ? entry.path.slice(rootName.length + 1) : entry.path;
  const facts = { path, bytes: entry.bytes, executable: (entry.mode & 0o111) !== 0 };
  return entry.reason === undefined ? { ...facts, body: entry.body } : { ...facts, skipped: entry.reason };
}
