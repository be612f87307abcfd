import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Root of the checkout. */
export const root: string = fileURLToPath(new URL("..", import.meta.url));

/** Tools start through this very Node, so that an older one on PATH never gets a say. */
export const tools = {
  tsc: "node_modules/typescript/bin/tsc",
  oxlint: "node_modules/oxlint/bin/oxlint",
  oxfmt: "node_modules/oxfmt/bin/oxfmt",
  knip: "node_modules/knip/bin/knip.js",
  vitest: "node_modules/vitest/vitest.mjs",
} as const;

export interface Step {
  readonly name: string;
  run(signal: AbortSignal): Promise<StepOutcome>;
}
export interface StepOutcome {
  readonly ok: boolean;
  /** What the step printed; shown only when it failed. */
  readonly output: string;
}
export interface StepReport extends StepOutcome {
  readonly name: string;
  readonly seconds: number;
}
export interface NodeRun {
  readonly argv: readonly string[];
  readonly signal: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  /** Lets the child write to this terminal instead of collecting what it prints. */
  readonly inherit?: boolean;
}

/** Runs one script with this Node in the root of the checkout; an abort asks the child to end (SIGTERM) and waits for it. */
export function runNode({ argv, signal, env, inherit = false }: NodeRun): Promise<StepOutcome> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const child = spawn(process.execPath, argv, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: inherit ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
    });
    const onAbort = (): void => void child.kill("SIGTERM");
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", (error) => chunks.push(Buffer.from(`${error.message}\n`)));
    child.on("close", (code) => {
      signal.removeEventListener("abort", onAbort);
      resolve({ ok: code === 0, output: Buffer.concat(chunks).toString("utf8") });
    });
  });
}

/** A step that is one command line for this Node. */
export function nodeStep(name: string, argv: readonly string[]): Step {
  return { name, run: (signal) => runNode({ argv, signal }) };
}

/** Runs the steps, at most `width` at a time, in the order given, and prints one line as each ends. */
export async function runSteps(
  steps: readonly Step[],
  width: number,
  signal: AbortSignal,
): Promise<readonly StepReport[]> {
  const queue = [...steps];
  const reports: StepReport[] = [];
  const work = async (): Promise<void> => {
    for (let step = queue.shift(); step !== undefined && !signal.aborted; step = queue.shift()) {
      const report = await runStep(step, signal);
      reports.push(report);
      console.log(
        `${report.ok ? "ok  " : "FAIL"} ${report.name.padEnd(10)} ${report.seconds.toFixed(1).padStart(6)} s`,
      );
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  return reports;
}

async function runStep(step: Step, signal: AbortSignal): Promise<StepReport> {
  const startedMs = performance.now();
  const outcome = await step.run(signal);
  return { name: step.name, seconds: (performance.now() - startedMs) / 1000, ...outcome };
}
