import { describe, expect, test } from "vitest";
import { runLogs } from "../../src/cli/commands/logs.ts";
import { HomieError } from "../../src/resources/errors.ts";
import { encodeFrame } from "../../src/logs/frames.ts";
import { fakeContext, fakeTerminal, fakeTransport, finish } from "./fakes.ts";
import type { Answer, FakeTransport } from "./fakes.ts";
import type { ApiRequest } from "../../src/cli/transport.ts";

const path = "GET /apis/homie.dev/v1/jobs/train/log";
const out = (text: string | Uint8Array): Buffer => encodeFrame("stdout", 1n, Buffer.from(text));
const err = (text: string): Buffer => encodeFrame("stderr", 2n, Buffer.from(text));
const eof = encodeFrame("eof", 3n, Buffer.from('{"stdoutBytes":0,"stderrBytes":0,"droppedBytes":0}'));
const type = { "content-type": "application/vnd.homie.log" };
const headers = { ...type, "homie-attempt": "1", "homie-log-offset": "0" };
const lost = new HomieError("DaemonUnavailable", "lost the connection");

async function logs(
  options: object,
  answer: Answer | ((request: ApiRequest) => Answer),
  isTty = false,
): Promise<{ code: number; bytes: Buffer; stderr: string; transport: FakeTransport }> {
  const terminal = fakeTerminal({ isTty });
  const transport = fakeTransport({ [path]: answer });
  const code = await finish(terminal, runLogs(fakeContext(terminal, transport), "job/train", options));
  return { code, bytes: terminal.stdoutBytes(), stderr: terminal.stderr(), transport };
}

describe("logs", () => {
  const binary = Buffer.from([0, 27, 91, 51, 49, 109, 255, 10]);
  const chunks = [out(binary), err("warn\u001B[31m!\n"), eof];

  test("of one stream are its exact bytes, and nothing else", async () => {
    expect((await logs({ stdout: true }, { headers, chunks })).bytes).toEqual(binary);
    expect((await logs({ stderr: true }, { headers, chunks })).bytes.toString()).toBe("warn\u001B[31m!\n");
  });
  test("on a terminal are inert, unless --raw", async () => {
    expect((await logs({ stderr: true }, { headers, chunks }, true)).bytes.toString()).toBe("warn!\n");
    expect((await logs({ stderr: true, raw: true }, { headers, chunks }, true)).bytes.toString()).toBe(
      "warn\u001B[31m!\n",
    );
  });
  test("of both streams together are inert everywhere", async () => {
    expect((await logs({}, { headers, chunks })).bytes.toString()).toBe("\uFFFD\nwarn!\n");
  });
  test("--tail of one stream counts the lines of that stream", async () => {
    const many = [out("1\n2\n"), err("x\n"), out("3\n4"), out("4\n"), err("y\nz\n"), eof];
    expect((await logs({ stdout: true, tail: "2" }, { headers, chunks: many })).bytes.toString()).toBe("3\n44\n");
    expect((await logs({ stdout: true, tail: "0" }, { headers, chunks: many })).bytes.toString()).toBe("");
  });
  test("-f takes up a broken log at the byte where it broke, across attempts", async () => {
    const first = [out("one\n"), eof, out("two\n"), lost];
    const { code, bytes, stderr, transport } = await logs({ follow: true, stdout: true }, (request) =>
      request.path.includes("from=")
        ? { headers: { ...type, "homie-attempt": "2" }, chunks: [out("three\n"), eof] }
        : { headers, chunks: first },
    );
    expect([code, bytes.toString()]).toEqual([0, "one\ntwo\nthree\n"]);
    expect(stderr).toBe("the connection to the log broke off; taking it up again\n");
    const resumed = new URL(`http://homie${transport.sent[1]?.path ?? ""}`).searchParams;
    expect(Object.fromEntries(resumed)).toEqual({
      fromAttempt: "2",
      from: String(out("two\n").length),
      follow: "true",
    });
  });
  test("-f with the tail of one stream ends when the job is over already", async () => {
    const gone = { code: 404, json: { reason: "NotFound", message: "no attempt 2", code: 404 } };
    const chunks = [out("1\n2\n"), eof];
    const { code, bytes } = await logs({ follow: true, stdout: true, tail: "1" }, (request) =>
      request.path.includes("fromAttempt=2") ? gone : { headers, chunks },
    );
    expect([code, bytes.toString()]).toEqual([0, "2\n"]);
  });
  test("-f gives up with an error when the daemon stays away", async () => {
    const { code, stderr } = await logs({ follow: true }, { headers, chunks: [lost] });
    expect(code).toBe(1);
    expect(stderr).toContain("error: the log broke off before its end\n");
  });
  test("a damaged log is said to be one", async () => {
    const { code, bytes } = await logs(
      { stdout: true },
      { headers, chunks: [out("good\n"), Buffer.from("garbage that is long enough for a header")] },
    );
    expect([code, bytes.toString()]).toEqual([1, "good\n"]);
  });
  test.each([[{ stdout: true, stderr: true }], [{ tail: "-1" }], [{ tail: "x" }], [{ attempt: "0" }]])(
    "%j is wrong usage",
    async (options) => {
      expect((await logs(options, { headers, chunks })).code).toBe(2);
    },
  );
});
