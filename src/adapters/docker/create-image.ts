import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { HomieError } from "../../resources/errors.ts";
import type { Engine } from "./connect.ts";
import { engineMessage, translateEngineError } from "./engine-error.ts";
import { readJsonLines } from "./json-lines.ts";

export interface MakeOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** Makes an image of a root file system archive (tar, also compressed), as `docker import` does. `tag` is `repository:tag`. */
export async function importRootfs(engine: Engine, archive: string, tag: string, options: MakeOptions): Promise<void> {
  await mustBe(archive, "file");
  try {
    const body = createReadStream(archive, { signal: options.signal });
    // The tag goes with the repository: podman 4 does not look at a `tag` of its own.
    const answer = await engine.docker().importImage(body, { repo: withTag(tag) });
    await follow(answer, options.onProgress);
  } catch (error) {
    options.signal.throwIfAborted();
    throw translateEngineError(error, "ImageMissing", `cannot make the image "${tag}" of ${archive}`);
  }
}

/** Builds the Dockerfile of a directory, as `docker build` does; `.dockerignore` counts. */
export async function buildDockerfile(
  engine: Engine,
  directory: string,
  tag: string,
  options: MakeOptions,
): Promise<void> {
  await mustBe(directory, "directory");
  await mustBe(`${directory}/Dockerfile`, "file");
  try {
    const context = { context: directory, src: ["."] };
    const answer = await engine.docker().buildImage(context, { t: tag, rm: true, abortSignal: options.signal });
    await follow(answer, options.onProgress);
  } catch (error) {
    options.signal.throwIfAborted();
    throw translateEngineError(error, "ImageMissing", `cannot build the image "${tag}" from ${directory}`);
  }
}

/** The engine answers 200 and tells of a failure in the stream that follows. */
async function follow(answer: NodeJS.ReadableStream, onProgress: (line: string) => void): Promise<void> {
  for await (const line of readJsonLines(answer as AsyncIterable<Buffer>)) {
    const { stream, status, error } = line as {
      readonly stream?: unknown;
      readonly status?: unknown;
      readonly error?: unknown;
    };
    if (error !== undefined) throw new HomieError("ImageMissing", `the engine gave up: ${engineMessage(error)}`);
    const text = typeof stream === "string" ? stream : typeof status === "string" ? status : "";
    if (text.trim() !== "") onProgress(text.trimEnd());
  }
}

async function mustBe(path: string, kind: "file" | "directory"): Promise<void> {
  try {
    const found = await stat(path);
    if (kind === "file" ? found.isFile() : found.isDirectory()) return;
  } catch (cause) {
    throw new HomieError("SourceUnreadable", `cannot read ${path}`, { cause });
  }
  throw new HomieError("SourceUnreadable", `${path} is not a ${kind}`);
}

function withTag(tag: string): string {
  return tag.lastIndexOf(":") > tag.lastIndexOf("/") ? tag : `${tag}:latest`;
}
