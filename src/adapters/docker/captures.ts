import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type Docker from "dockerode";
import type { CaptureFacts } from "../../controllers/attempt/ports.ts";
import type { Clock, Logger } from "../../reconciler/types.ts";
import type { Attempt } from "../../resources/attempt.ts";
import { attemptPaths } from "../home.ts";
import type { HomePaths } from "../home.ts";
import { openLogWriter } from "../logs/log-writer.ts";
import type { Capture } from "./capture.ts";
import { beginCapture } from "./capture.ts";
import { translateEngineError } from "./engine-error.ts";
import { attemptName, containerName } from "./names.ts";

/** The captures of one daemon, at most one for an attempt. */
export interface Captures {
  /** Attaches to a container that was not started yet, so that no byte is missed. */
  attach(attempt: Attempt, container: Docker.Container): Promise<Capture>;
  /** Goes on where the log ends; does nothing while one is live or when the log is complete. */
  resume(attempt: Attempt, container: Docker.Container): Promise<void>;
  facts(attempt: Attempt): CaptureFacts;
  /** A line of homie's own among the output, if somebody writes it. */
  remark(attempt: Attempt, text: string): void;
  /** Tells when a log has become complete, so that nobody has to look again and again. */
  listen(onComplete: (attemptName: string) => void): Disposable;
  /** Ends the log, if somebody still writes it, and forgets about it. */
  finish(attempt: Attempt): Promise<void>;
  /** Closes all logs without ending them. */
  leaveAll(): Promise<void>;
}

export interface CapturesParts {
  readonly paths: HomePaths;
  readonly clock: Clock;
  readonly log: Logger;
  /** Output kept of one attempt; the log writer's default when absent. */
  readonly maxLogBytes?: number;
}

const noCapture: CaptureFacts = { phase: "none", stdoutBytes: 0, stderrBytes: 0, droppedBytes: 0 };

export function createCaptures({ paths, clock, log, maxLogBytes }: CapturesParts): Captures {
  const captures = new Map<string, Capture>();
  const listeners = new Set<(attemptName: string) => void>();

  function keep(attempt: Attempt, capture: Capture): Capture {
    const name = attemptName(attempt);
    captures.set(name, capture);
    void capture.stopped.then(() => {
      // One that broke off is no news: whoever took it up at once would do so without end.
      if (capture.facts().phase === "complete") for (const tell of listeners) tell(name);
    });
    return capture;
  }

  async function openLog(attempt: Attempt): ReturnType<typeof openLogWriter> {
    const path = attemptPaths(paths, attempt.spec.job.uid, attempt.spec.attempt).log;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return openLogWriter(path, maxLogBytes === undefined ? {} : { maxBytes: maxLogBytes });
  }

  return {
    async attach(attempt, container): Promise<Capture> {
      const writer = await openLog(attempt);
      const attached = await container
        .attach({ stream: true, stdout: true, stderr: true, hijack: true })
        .catch(async (error: unknown) => {
          await writer.close();
          throw translateEngineError(error, "ContainerCreateFailed", `cannot attach to ${containerName(attempt)}`);
        });
      return keep(attempt, beginCapture({ container, writer, attached, clock, log }));
    },
    async resume(attempt, container): Promise<void> {
      const phase = captures.get(attemptName(attempt))?.facts().phase ?? "none";
      if (phase !== "none") return;
      keep(attempt, beginCapture({ container, writer: await openLog(attempt), clock, log }));
    },
    facts: (attempt) => captures.get(attemptName(attempt))?.facts() ?? noCapture,
    remark: (attempt, text) => captures.get(attemptName(attempt))?.remark(text),
    listen(onComplete): Disposable {
      listeners.add(onComplete);
      return { [Symbol.dispose]: () => void listeners.delete(onComplete) };
    },
    async finish(attempt): Promise<void> {
      const capture = captures.get(attemptName(attempt));
      captures.delete(attemptName(attempt));
      await capture?.end("finish");
    },
    async leaveAll(): Promise<void> {
      await Promise.all([...captures.values()].map((capture) => capture.end("leave")));
    },
  };
}
