import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** What a program did to files, in order. `mark` is a path below /mark it asked for: how a program says where it is. */
export type FileStep =
  | { readonly kind: "create"; readonly path: string }
  | { readonly kind: "write"; readonly path: string; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly path: string; readonly size: number }
  | { readonly kind: "sync"; readonly path: string }
  | { readonly kind: "sync-directory"; readonly path: string }
  | { readonly kind: "rename"; readonly path: string; readonly to: string }
  | { readonly kind: "unlink"; readonly path: string }
  | { readonly kind: "mark"; readonly name: string };

export const markRoot = "/mark/";
const calls =
  "open,openat,creat,close,write,pwrite64,writev,pwritev,lseek,ftruncate,truncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,access,faccessat,faccessat2";

/** Runs a TypeScript program under strace and answers with what its main thread did to files below `root`. */
export function traceFiles(program: string, args: readonly string[], root: string): readonly FileStep[] {
  const directory = mkdtempSync(join(tmpdir(), "homie-trace-"));
  const log = join(directory, "trace");
  try {
    // Paths and data in hex, whole; other threads open no file of ours.
    const argv = ["-xx", "-s", "33554432", "-e", `trace=${calls}`, "-o", log, process.execPath, program, ...args];
    const run = spawnSync("strace", argv, { encoding: "utf8" });
    // The program may end itself as a power cut would.
    if (run.status !== 0 && run.signal !== "SIGKILL")
      throw new Error(`strace ends with ${run.status}: ${run.stderr}${run.error?.message ?? ""}`);
    const reader = new TraceReader(root);
    for (const line of readFileSync(log, "latin1").split("\n")) reader.take(line);
    return reader.steps;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

interface Open {
  readonly path: string;
  at: number;
}

class TraceReader {
  readonly steps: FileStep[] = [];
  readonly #root: string;
  readonly #open = new Map<number, Open>();
  readonly #known = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  take(line: string): void {
    const parts = /^(\w+)\((.*)\) += (-?\d+)/.exec(line);
    if (parts === null) return;
    const [, call = "", written = "", result = ""] = parts;
    // In hex, no comma is inside of quotes.
    const args = written.split(", ");
    const strings = args.filter((arg) => arg.startsWith('"')).map((arg) => unescape(arg));
    if (/^f?access/.test(call)) return this.#mark(strings[0]?.toString() ?? "");
    if (Number(result) < 0) return;
    if (/^(open|openat|creat)$/.test(call)) return this.#opened(strings[0]?.toString() ?? "", written, Number(result));
    const paths = strings.map((each) => each.toString()).filter((each) => this.#isOurs(each));
    if (call.startsWith("rename") && paths.length > 0) {
      const [path = "", to = ""] = paths;
      this.steps.push({ kind: "rename", path, to });
    } else if (call.startsWith("unlink") && paths.length > 0) this.steps.push({ kind: "unlink", path: paths[0] ?? "" });
    else if (call.startsWith("link") && paths.length > 0) throw new Error(`no model of ${call} yet`);
    else this.#onDescriptor(call, args, strings[0], Number(result));
  }

  #onDescriptor(call: string, args: readonly string[], data: Buffer | undefined, result: number): void {
    const number = Number(args[0]);
    const file = this.#open.get(number);
    if (file === undefined) return;
    const { path } = file;
    if (call === "close") this.#open.delete(number);
    else if (call === "lseek") file.at = result;
    else if (call === "fsync" || call === "fdatasync")
      this.steps.push({ kind: this.#known.has(path) ? "sync" : "sync-directory", path });
    else if (call === "ftruncate") this.steps.push({ kind: "truncate", path, size: Number(args[1]) });
    else if (call === "write" || call === "pwrite64") {
      const at = call === "write" ? file.at : Number(args[3]);
      if (Number.isNaN(at)) throw new Error("no model of appending yet");
      this.steps.push({ kind: "write", path, at, bytes: (data ?? Buffer.alloc(0)).subarray(0, result) });
      if (call === "write") file.at += result;
    } else throw new Error(`no model of ${call} yet`);
  }

  #mark(path: string): void {
    if (path.startsWith(markRoot)) this.steps.push({ kind: "mark", name: path.slice(markRoot.length) });
  }

  #opened(path: string, how: string, descriptor: number): void {
    this.#open.delete(descriptor);
    if (!this.#isOurs(path)) return;
    this.#open.set(descriptor, { path, at: how.includes("O_APPEND") ? Number.NaN : 0 });
    if (how.includes("O_DIRECTORY") || path === this.#root || !/O_CREAT|O_RDWR|O_WRONLY|O_TRUNC/.test(how)) return;
    if (how.includes("O_TRUNC") && this.#known.has(path)) throw new Error(`no model of opening so yet: ${how}`);
    this.#known.add(path);
    if (how.includes("O_CREAT")) this.steps.push({ kind: "create", path });
  }

  #isOurs(path: string): boolean {
    return resolve(path) === this.#root || resolve(path).startsWith(`${this.#root}/`);
  }
}

function unescape(quoted: string): Buffer {
  return Buffer.from(quoted.replaceAll(/[^0-9a-f]/g, ""), "hex");
}
