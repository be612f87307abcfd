import type Docker from "dockerode";
import type { RuntimeFacts } from "../../controllers/attempt/ports.ts";
import { createDemultiplexer } from "./demultiplex.ts";
import { isNotFound, translateEngineError } from "./engine-error.ts";
import { answerMs, within } from "./within.ts";

type Exited = Extract<RuntimeFacts, { phase: "exited" }>;

/** The codes the container's init leaves with when it cannot execute the program; programs may use them too. */
export function mayBeStartError(facts: RuntimeFacts): facts is Exited {
  return (
    facts.phase === "exited" && facts.startError === undefined && (facts.exitCode === 126 || facts.exitCode === 127)
  );
}

/**
 * To the engine, the program is its init (tini, or podman's catatonit), which starts well and only then cannot execute
 * ours. It says so in one line on stderr, and nothing else was written then.
 */
export async function withStartError(facts: Exited, container: Docker.Container): Promise<Exited> {
  try {
    const output = await within(answerMs, () => container.logs({ follow: false, stdout: true, stderr: true, tail: 2 }));
    const startError = parseInitFailure(output);
    return startError === undefined ? facts : { ...facts, startError };
  } catch (error) {
    if (isNotFound(error)) return facts;
    throw translateEngineError(error, "EngineUnavailable", "cannot read why a program did not start");
  }
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
  const pieces = createDemultiplexer().push(output);
  if (pieces.some(({ stream }) => stream === "stdout")) return undefined;
  return initFailure.exec(Buffer.concat(pieces.map(({ bytes }) => bytes)).toString())?.[1];
}
