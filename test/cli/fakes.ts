import { tmpdir } from "node:os";
import { homePaths } from "../../src/adapters/home.ts";
import { createClient } from "../../src/cli/client.ts";
import type { CommandContext } from "../../src/cli/context.ts";
import { reportFailure } from "../../src/cli/failure.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import type { ApiRequest, ApiResponse, Composition, Transport } from "../../src/cli/transport.ts";

/** What a recorded API answers: JSON, bytes, or whatever a function makes of the request. */
export type Answer = {
  readonly code?: number;
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
  readonly chunks?: readonly (Uint8Array | Error)[];
};
export type Recording = Readonly<Record<string, Answer | ((request: ApiRequest) => Answer)>>;

export interface FakeTransport extends Transport {
  readonly sent: readonly ApiRequest[];
}

/** Routes are "METHOD /path?query" or, less exactly, "METHOD /path". A request without a route is answered 404. */
export function fakeTransport(recording: Recording, mode: Transport["mode"] = "daemon"): FakeTransport {
  const sent: ApiRequest[] = [];
  return {
    mode,
    sent,
    send: async (request) => {
      sent.push(request);
      const found =
        recording[`${request.method} ${request.path}`] ??
        recording[`${request.method} ${request.path.split("?")[0] ?? ""}`];
      const notFound = {
        code: 404,
        json: { kind: "Status", reason: "NotFound", message: `${request.path} not found`, code: 404 },
      };
      return toResponse(typeof found === "function" ? found(request) : (found ?? notFound), request.signal);
    },
    close: async () => {},
  };
}

function toResponse(answer: Answer, signal: AbortSignal | undefined): ApiResponse {
  const chunks = answer.chunks ?? [Buffer.from(JSON.stringify(answer.json ?? {}))];
  async function* body(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) {
      signal?.throwIfAborted();
      if (chunk instanceof Error) throw chunk;
      yield chunk;
    }
  }
  return { code: answer.code ?? 200, headers: answer.headers ?? {}, body: body() };
}

export interface FakeTerminal extends Terminal {
  readonly stdout: () => string;
  readonly stdoutBytes: () => Buffer;
  readonly stderr: () => string;
  /** Ctrl-C. */
  press(): void;
}

export function fakeTerminal(
  options: {
    isTty?: boolean;
    columns?: number;
    stdin?: string | Buffer;
    env?: Record<string, string>;
    directory?: string;
    /** Answers a question; without it there is nobody to ask. */
    answer?: (question: string, signal: AbortSignal | undefined) => Promise<string | undefined>;
  } = {},
): FakeTerminal {
  const written: Buffer[] = [];
  const complaints: string[] = [];
  const interrupt = new AbortController();
  const takers: (() => void)[] = [];
  const isTty = options.isTty ?? false;
  return {
    env: options.env ?? {},
    directory: options.directory ?? tmpdir(),
    output: { isTty, columns: options.columns ?? 0, write: async (chunk) => void written.push(Buffer.from(chunk)) },
    errors: {
      isTty,
      columns: options.columns ?? 0,
      write: async (chunk) => void complaints.push(Buffer.from(chunk).toString()),
    },
    input: {
      isTty,
      readAll: async () => options.stdin?.toString() ?? "",
      readBytes: async () => Buffer.from(options.stdin ?? ""),
      askLine: options.answer ?? (async () => undefined),
      askPaste: async (question, { signal }) => await options.answer?.(question, signal),
    },
    interrupt: interrupt.signal,
    takeInterrupts: (onInterrupt) => {
      takers.push(onInterrupt);
      return { [Symbol.dispose]: () => void takers.splice(takers.indexOf(onInterrupt), 1) };
    },
    untilStopped: () => interrupt.signal,
    now: () => new Date("2026-11-23T12:00:00Z"),
    // Lets timers run, however often it is called in a row.
    sleep: async (_milliseconds, signal) => {
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    },
    stdout: () => Buffer.concat(written).toString(),
    stdoutBytes: () => Buffer.concat(written),
    stderr: () => complaints.join(""),
    press: () => (takers.at(-1) ?? ((): void => interrupt.abort()))(),
  };
}

/** A context whose API is the recording. */
export function fakeContext(
  terminal: Terminal,
  transport: Transport,
  composition?: Partial<Composition>,
): CommandContext {
  return {
    home: "/home/ann/.homie",
    paths: homePaths("/home/ann/.homie"),
    terminal,
    mainFile: "/nowhere/main.ts",
    composition: async () => (composition ?? {}) as Composition,
    withClient: async (_need, work) => await work(createClient(transport, terminal.interrupt)),
  };
}

/** Runs a command as the command line would: errors are printed and become exit codes. */
export async function finish(terminal: Terminal, run: Promise<number>): Promise<number> {
  return await run.catch(async (error: unknown) => await reportFailure(error, terminal, false));
}

const columns = [
  { name: "Name", type: "string", format: "name", priority: 0 },
  { name: "Phase", type: "string", priority: 0 },
  { name: "Peer", type: "string", priority: 0 },
  { name: "Age", type: "string", priority: 0 },
  { name: "Message", type: "string", priority: 1 },
];
export interface Row {
  readonly name: string;
  readonly phase: string;
  readonly peer?: string;
  readonly age?: string;
  readonly message?: string;
}
export function recordedTable(rows: readonly Row[], withColumns = true): unknown {
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: { resourceVersion: "7" },
    columnDefinitions: withColumns ? columns : null,
    rows: rows.map((row) => ({
      cells: [row.name, row.phase, row.peer ?? "-", row.age ?? "5m", row.message ?? "-"],
      object: { apiVersion: "homie.dev/v1", kind: "Job", metadata: { name: row.name }, status: { phase: row.phase } },
    })),
  };
}
export function watchLine(type: string, object: unknown): Buffer {
  return Buffer.from(`${JSON.stringify({ type, object })}\n`);
}
export const noProblems: Recording = { "GET /homie/v1/problems": { json: { items: [] } } };
