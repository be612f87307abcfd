import { expect, test } from "vitest";
import { runStripStatus } from "../../src/cli/commands/strip-status.ts";
import { fakeContext, fakeTerminal, fakeTransport, finish } from "./fakes.ts";

async function strip(stdin: string | Buffer): Promise<Buffer> {
  const terminal = fakeTerminal({ stdin });
  expect(await finish(terminal, runStripStatus(fakeContext(terminal, fakeTransport({}))))).toBe(0);
  return terminal.stdoutBytes();
}

const job = (status: string, more = ""): string =>
  `# mine\r\napiVersion: homie.dev/v1 # v1\nkind:   Job\nmetadata: {name: "x"}\n${status}spec:\n    image: 'busybox'\n    command: [ echo,  hi ]\n${more}`;
const status = "status:\n  phase: Running\n  message: |\n    spec:\n    status: not this one\n";

test.each([
  ["at the end", job("", status), job("")],
  ["in the middle", job(status), job("")],
  ["on one line", job("status: {phase: Running}\n"), job("")],
  [
    "in two of three documents",
    `${job(status)}---\n${job("")}---\n${job("", status)}`,
    [1, 2, 3].map(() => job("")).join("---\n"),
  ],
])("status goes %s, and every other byte stays", async (_, text, bare) => {
  expect((await strip(text)).toString()).toBe(bare);
});

test.each([
  ["a resource without status", job("")],
  ["an empty file", ""],
  ["another's YAML", "apiVersion: apps/v1\nkind: Deployment\nstatus:\n  replicas: 3\n"],
  ["no resource", "status: green\n"],
  ["a list", "- status: 1\n"],
  ["broken YAML", 'status: "\nkind: [Job\n'],
  ["a status in a string", job("", "  args: ['status: x']\n")],
  ["a status further in", job("", "  env: [{name: status, value: x}]\n")],
  ["a byte order mark", "\uFEFF" + job("")],
])("%s passes as it is", async (_, text) => {
  expect((await strip(text)).toString()).toBe(text);
});

test("bytes that are no UTF-8 pass as they are", async () => {
  const bytes = Buffer.concat([Buffer.from(job(status)), Buffer.from([0xff, 0xfe, 0x00])]);
  expect(await strip(bytes)).toEqual(bytes);
});

test("stripping twice is stripping once", async () => {
  const once = await strip(job(status));
  expect(await strip(once)).toEqual(once);
});

test("on a terminal it says what it is for", async () => {
  const terminal = fakeTerminal({ isTty: true });
  expect(await finish(terminal, runStripStatus(fakeContext(terminal, fakeTransport({}))))).toBe(2);
  expect(terminal.stderr()).toContain("git config filter.homie.clean 'homie strip-status'");
});
