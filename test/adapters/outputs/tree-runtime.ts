import type { Runtime, RuntimeFacts, TreeEntry } from "../../../src/controllers/attempt/ports.ts";

export interface TreeFile {
  readonly path: string;
  readonly text?: string;
  readonly executable?: boolean;
  readonly skipped?: string;
  /** What is said, where it differs from the text. */
  readonly bytes?: number;
}

export const exited = (exitCode: number): RuntimeFacts => ({
  phase: "exited",
  containerId: "c",
  specSha256: "s",
  exitCode,
  startedAt: "2026-01-01T00:00:00Z",
  finishedAt: "2026-01-01T00:00:01Z",
  oomKilled: false,
});

/** A runtime of which only the work directory of one exited attempt exists; every other call is a mistake of the test. */
export function treeRuntime(
  files: readonly TreeFile[],
  facts: RuntimeFacts = exited(0),
): Runtime & { readonly opened: string[] } {
  const opened: string[] = [];
  const never = (): never => {
    throw new Error("not part of collecting");
  };
  async function* body(file: TreeFile): AsyncIterable<Uint8Array> {
    opened.push(file.path);
    const bytes = Buffer.from(file.text ?? "");
    for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
  }
  return {
    name: "process",
    opened,
    inspect: async () => facts,
    async *readWorkTree(): AsyncIterable<TreeEntry> {
      for (const file of files) {
        const entry = {
          path: file.path,
          bytes: file.bytes ?? Buffer.byteLength(file.text ?? ""),
          executable: file.executable ?? false,
        };
        yield file.skipped === undefined ? { ...entry, body: body(file) } : { ...entry, skipped: file.skipped };
      }
    },
    health: never,
    prepareImage: never,
    stage: never,
    start: never,
    resumeCapture: never,
    capture: never,
    stop: never,
    remove: never,
    list: never,
    watch: never,
  };
}
