import type Docker from "dockerode";
import type { RuntimeFacts } from "../../controllers/attempt/ports.ts";
import { createDemultiplexer } from "./demultiplex.ts";
import { isNotFound, translateEngineError } from "./engine-error.ts";
import { answerMs, within } from "./within.ts";

type Exited = Extract<RuntimeFacts, { phase: "exited" }>;

/** What podman executes; the program is its argument. */
export const podmanInit = "/run/podman-init";
/** Podman's init (catatonit) leaves with this whatever is wrong; Docker's (tini) with 126 or 127, as a shell does. */
const podmanInitFailed = 1;
/** Its line has the program's name in it, which may be long. */
const mostBytes = 65_536;

/** The codes the container's init leaves with when it cannot execute the program; programs may use them too. */
export function mayBeStartError(facts: RuntimeFacts, executed: string | undefined): facts is Exited {
  if (facts.phase !== "exited" || facts.startError !== undefined) return false;
  if (executed === podmanInit) return facts.exitCode === podmanInitFailed;
  return facts.exitCode === 126 || facts.exitCode === 127;
}

/**
 * To the engine, the program is its init, which starts well and only then cannot execute ours. It says so in one line on
 * stderr, and nothing else was written then.
 */
export async function withStartError(facts: Exited, container: Docker.Container, program: string): Promise<Exited> {
  try {
    const said = parseInitFailure(await readFirstWords(container));
    if (said === undefined) return facts;
    const exitCode = facts.exitCode !== podmanInitFailed ? facts.exitCode : said.includes("No such file") ? 127 : 126;
    return { ...facts, exitCode, startError: said.includes(program) ? said : `${program}: ${said}` };
  } catch (error) {
    if (isNotFound(error)) return facts;
    throw translateEngineError(error, "EngineUnavailable", "cannot read why a program did not start");
  }
}

/**
 * What was written first, and more of it than the init says where a program has said more. From the start, as podman's
 * `tail` loses pieces of a line that its monitor read in pieces.
 */
function readFirstWords(container: Docker.Container): Promise<Buffer> {
  return within(answerMs, async (abortSignal) => {
    const output = await container.logs({ follow: true, stdout: true, stderr: true, abortSignal });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of output as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > mostBytes) break;
    }
    return Buffer.concat(chunks);
  });
}

/** The engine has nothing that brings GPUs into containers: by its own driver, or by CDI (Container Device Interface). */
const noGpuDriver = /could not select device driver|unresolvable CDI devices|GPU vendor from CDI/i;

/** What the engine said of a failed start, with what helps where its owner can do something. */
export function explainStartError(said: string): string {
  if (!noGpuDriver.test(said)) return said;
  const install = "install the NVIDIA Container Toolkit there (package nvidia-container-toolkit, 1.17.8 or newer)";
  const configure = "run `nvidia-ctk runtime configure --runtime=docker` and restart Docker";
  return `the engine of the executor cannot pass GPUs on: ${install}, ${configure}; the engine says: ${said}`;
}

const initFailure = /^(?:\[FATAL tini \(\d+\)\]|(?:FATAL|ERROR) \(catatonit:\d+\):) ([^\n]+)\n$/;

export function parseInitFailure(output: Uint8Array): string | undefined {
  if (output.length > mostBytes) return undefined;
  const pieces = createDemultiplexer().push(output);
  if (pieces.some(({ stream }) => stream === "stdout")) return undefined;
  return initFailure.exec(Buffer.concat(pieces.map(({ bytes }) => bytes)).toString())?.[1];
}
