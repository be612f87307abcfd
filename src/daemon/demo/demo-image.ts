import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { systemClock } from "../../adapters/clock/system-clock.ts";
import type { Engine } from "../../adapters/docker/connect.ts";
import { importRootfs } from "../../adapters/docker/create-image.ts";
import { createImages } from "../../adapters/docker/image.ts";
import type { Logger } from "../../reconciler/types.ts";
import { writeTar, type TarInput } from "../../tar/write.ts";

const publicImage = "busybox:1.37";
const pullPatienceMs = 20_000;
/** What examples/hello-job calls besides its shell's own commands. */
const tools = ["sh", "sleep", "wc"];
const toolDirectories = ["/bin", "/usr/bin"];

export interface DemoImage {
  readonly name: string;
  /** `made` of this machine's shell. What was not found on the engine is taken away again. */
  readonly origin: "found" | "pulled" | "made";
}

/**
 * An image with a shell: the one on the engine, else from the registry, else made of this machine's own shell, so that the
 * demo also runs where no registry can be reached. Undefined when none of that works.
 */
export async function findDemoImage(
  engine: Engine,
  directory: string,
  log: Logger,
  signal: AbortSignal,
): Promise<DemoImage | undefined> {
  const images = createImages(engine, systemClock, log);
  const patience = AbortSignal.any([signal, AbortSignal.timeout(pullPatienceMs)]);
  const isThere = (await images.find(publicImage).catch(() => undefined)) !== undefined;
  const usable = isThere || (await images.prepare(publicImage, patience).catch(() => ({ ok: false }))).ok;
  signal.throwIfAborted();
  if (usable) return { name: publicImage, origin: isThere ? "found" : "pulled" };
  // A name that no other demo on this engine takes away.
  const name = `homie-demo:${randomBytes(6).toString("hex")}`;
  try {
    const archive = join(directory, "shell.tar");
    await pipeline(
      Readable.from(writeTar(shellEntries(await shellFiles()))),
      createWriteStream(archive, { mode: 0o600 }),
    );
    await importRootfs(engine, archive, name, { signal, onProgress: () => undefined });
    return { name, origin: "made" };
  } catch (error) {
    log.warn("cannot make an image of this machine's shell", { error });
    return undefined;
  }
}

/** The tools and the libraries they need, each under the path it is looked for. */
async function shellFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const tool of tools) {
    const path = toolDirectories.map((directory) => join(directory, tool)).find((candidate) => existsSync(candidate));
    if (path === undefined) throw new Error(`this machine has no ${tool}`);
    files.set(`/bin/${tool}`, await realpath(path));
    for (const library of await librariesOf(path)) files.set(library, await realpath(library));
  }
  return files;
}

/** Absolute paths in what `ldd` prints; none for a static program, which it refuses. */
async function librariesOf(program: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)("ldd", [program]).catch(() => ({ stdout: "" }));
  return stdout.split(/\s+/).filter((word) => word.startsWith("/") && !word.endsWith(":"));
}

async function* shellEntries(files: ReadonlyMap<string, string>): AsyncIterable<TarInput> {
  const owner = { uid: 0, gid: 0, mtimeSeconds: 0 };
  for (const directory of ["bin", "tmp", "work"])
    yield { path: directory, kind: "directory", bytes: 0, mode: 0o755, ...owner };
  for (const [path, from] of files) {
    const { size } = await stat(from);
    yield { path: path.slice(1), kind: "file", bytes: size, mode: 0o755, ...owner, body: createReadStream(from) };
  }
}

export async function removeDemoImage(engine: Engine, image: DemoImage): Promise<void> {
  if (image.origin !== "found") await engine.docker().getImage(image.name).remove();
}
