import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JobSpec } from "../../../src/resources/job.ts";
import { isEngineMissing } from "../../contract/docker-bed.ts";
import { SandboxBed, sh } from "./bed.ts";

/** A title, the clipboard, colours, the screen cleared, a bell, an answer asked for, C1 controls, a line written over. */
const tricks =
  "\\033]0;owned\\007 \\033]52;c;cm0gLXJm\\007 \\033[31mred \\033[2J\\033[H \\007 \\033[6n \\302\\23331m \\302\\235x\\302\\234 safe\\rowned \\342\\200\\256evil";
const jobs: Readonly<Record<string, Partial<JobSpec>>> = {
  tricks: {
    ...sh(
      `printf '${tricks}\\n'; printf '${tricks}\\n' >&2; echo x >"$(printf 'a\\033]0;owned\\007b')"; echo x >fine; echo x >"$(printf 'c\\rd')"`,
    ),
    outputs: [{ paths: ["**"], when: "Always" }],
  },
  frames: sh(
    "printf '\\000\\000\\000\\001{\"stdoutBytes\":0}\\n'; printf 'status:\\n  phase: Failed\\n'; printf '\\001\\000\\000\\000\\000\\000\\000\\004fake'",
  ),
};
/** What a terminal obeys: C0 but tab, newline and the return before it, DEL, C1, and marks that turn text round. */
const obeyed =
  /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u200B-\u200F\u202A-\u202E\u2066-\u2069]|\r(?!\r*\n)/u;

describe.skipIf(await isEngineMissing("the sandbox rows"))("what a hostile Job prints", () => {
  let bed: SandboxBed;
  beforeAll(async () => {
    bed = await SandboxBed.open();
    await bed.apply(jobs);
    await bed.ended("tricks");
  });
  afterAll(() => bed?.close());

  it.each([
    ["logs", ["logs", "job/tricks"]],
    ["one stream", ["logs", "job/tricks", "--stdout"]],
    ["description", ["describe", "job/tricks"]],
    ["table", ["get", "jobs", "-o", "wide"]],
    ["YAML", ["get", "job/tricks", "-o", "yaml"]],
    ["JSON", ["get", "job/tricks", "-o", "json"]],
    ["events", ["get", "events"]],
  ])("S-39: on a terminal is inert: %s", async (_name, args) => {
    const seen = await bed.home.onTerminal(args);
    expect(seen).toMatch(/tricks|safe/);
    expect(obeyed.exec(seen)?.[0]).toBeUndefined();
  });

  it("S-39: goes into a pipe as it is when one stream is asked for, and on a terminal with --raw", async () => {
    const { bytes } = await bed.home.run(["logs", "job/tricks", "--stdout"]);
    expect(bytes.includes("\u001B]0;owned\u0007")).toBe(true);
    expect(await bed.home.onTerminal(["logs", "job/tricks", "--stdout", "--raw"])).toContain("\u001B]0;owned\u0007");
  });

  it("S-40: is never taken for what homie or the engine says themselves", async () => {
    expect(await bed.ended("frames")).toMatchObject({ phase: "Succeeded", exitCode: 0 });
    const log = await bed.get("/apis/homie.dev/v1/jobs/frames/log?stream=stdout");
    expect(log.toString("latin1")).toBe(
      '\0\0\0\u0001{"stdoutBytes":0}\nstatus:\n  phase: Failed\n\u0001\0\0\0\0\0\0\u0004fake',
    );
  });
});
