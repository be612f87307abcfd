import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JobSpec } from "../../../src/resources/job.ts";
import { isEngineMissing } from "../../contract/docker-bed.ts";
import { renderProgram } from "../../support/machine-program.ts";
import { ENODATA, worked } from "../../support/sandbox-image.ts";
import { SandboxBed, sh } from "./bed.ts";

const outputs = [{ paths: ["**"], when: "Always" }] as const;
const longest = "n".repeat(255);
const terabyte = 2 ** 40;

/** Files with names that two systems read differently, as `printf` writes them; 254 and 300 bytes besides. */
const oddNames = [
  "new\\nline",
  "esc\\033[2J",
  "bad\\377utf",
  "CON",
  "dot.",
  "space ",
  "a",
  "A",
  "c:d",
  "back\\\\slash",
];
const jobs: Readonly<Record<string, Partial<JobSpec>>> = {
  links: {
    ...sh(
      "ln -s /etc/passwd passwd; ln -s ../../.. up; ln -s /proc/1/environ environ; ln -s loop loop; echo two >one; ln one two; echo fine >fine",
    ),
    outputs,
  },
  kinds: {
    ...sh(
      "mkfifo pipe; /probes/make_socket; echo $?; echo x >suid; chmod 6755 suid; mkdir open; chmod 1777 open; echo x >open/wide; chmod 777 open/wide; echo x >noted; /probes/make_attribute; echo $?; echo x >listed; /probes/make_access_list; echo $?",
    ),
    outputs,
  },
  names: {
    ...sh(
      [
        ...oddNames.map((name) => `echo x >"$(printf '${name}')"`),
        `echo x >${longest}`,
        `echo x >${"n".repeat(300)}`,
        "mkdir ...",
        "echo x >.../in",
        "echo fine >fine",
      ].join("; "),
    ),
    outputs,
  },
  sparse: { ...sh(`truncate -s ${terabyte} huge; echo $?; stat -c %s huge`), outputs },
  manysparse: {
    ...sh(`seq 8192 | sed s/^/f/ | xargs truncate -s ${terabyte / 8192 - 1}; ls | wc -l; du -sk .`),
    resources: { cpu: 0.5, memory: "64Mi", disk: "128Mi" },
    outputs,
  },
};
/** A child goes on writing when its parent has ended; nothing of it may be seen twice. */
const restless = Object.fromEntries(
  Array.from({ length: 100 }, (_, index) => [
    `restless-${index}`,
    { ...sh("(setsid sh -c 'while :; do echo more >>x; done' &); until [ -s x ]; do :; done; exit 0"), outputs },
  ]),
);

describe.skipIf(await isEngineMissing("the sandbox rows"))("what a hostile Job leaves behind", () => {
  let bed: SandboxBed;
  beforeAll(async () => {
    bed = await SandboxBed.open();
    await bed.apply(jobs);
  });
  afterAll(() => bed?.close());

  const home = (name: string): readonly string[] =>
    readdirSync(bed.results(name), { recursive: true, encoding: "utf8" })
      .filter((path) => path !== ".homie-results.json")
      .toSorted();
  async function skipped(name: string): Promise<Readonly<Record<string, string>>> {
    const found = (await bed.attempt(name)).status?.skippedOutputs ?? [];
    return Object.fromEntries(found.map(({ path, reason }) => [path, reason]));
  }

  it("S-31: links of every kind are named and stay behind, and with them what they point at", async () => {
    expect(await bed.ended("links")).toMatchObject({ phase: "Succeeded" });
    const soft = "symbolic link";
    const { one, two, ...others } = await skipped("links");
    expect(others).toEqual({ passwd: soft, up: soft, environ: soft, loop: soft });
    // One of the two names is the file, whichever the engine reads first.
    expect([one, two].filter((reason) => reason !== undefined)).toEqual(["hard link"]);
    expect(home("links")).toEqual(["fine", one === undefined ? "one" : "two"]);
    expect(readFileSync(bed.results("links", "fine"), "utf8")).toBe("fine\n");
  });

  it("S-32: pipes and sockets stay behind, modes, attributes and access lists too, and nothing waits", async () => {
    expect(await bed.ended("kinds")).toMatchObject({ phase: "Succeeded" });
    // All of them were there.
    expect(await bed.lines("kinds")).toEqual([worked, worked, worked].map(String));
    expect(await skipped("kinds")).toEqual({ pipe: "FIFO" });
    expect(home("kinds")).toEqual(["listed", "noted", "open", "open/wide", "suid"]);
    for (const name of home("kinds")) {
      expect([name, lstatSync(bed.results("kinds", name)).mode & 0o7022]).toEqual([name, 0]);
    }
    expect(await attributeOf(bed.results("kinds", "noted"), "user.secret")).toBe(ENODATA);
    expect(await attributeOf(bed.results("kinds", "listed"), "system.posix_acl_access")).toBe(ENODATA);
  });

  it("S-33: names that two systems read differently stay behind, and nothing lands elsewhere", async () => {
    expect(await bed.ended("names")).toMatchObject({ phase: "Succeeded" });
    expect(home("names")).toEqual(["A", "fine", longest]);
    const control = "the name holds a control character";
    const ending = "a component ends in a space or a dot";
    expect(await skipped("names")).toEqual({
      "new\nline": control,
      "esc\u001B[2J": control,
      "bad\uFFFDutf": "the name is not valid UTF-8",
      CON: "a component is a device name on Windows",
      "dot.": ending,
      "space ": ending,
      "...": ending,
      ".../in": ending,
      a: expect.stringContaining("only in case") as string,
      "c:d": "the name holds a colon",
      "back\\slash": "the name holds a backslash",
    });
  });

  it("S-34: a sparse file of a terabyte cannot be made", async () => {
    // 128 + SIGXFSZ, and nothing was written.
    expect(await bed.lines("sparse")).toEqual(["153", "0"]);
  });

  it("S-34: nor do a terabyte of sparse files come home: what they say they hold counts", async () => {
    expect(await bed.ended("manysparse")).toMatchObject({ phase: "Failed", reason: "OutputTooLarge", exitCode: 0 });
    expect((await bed.ended("manysparse")).message).toMatch(/^f\d+ takes the outputs over the disk limit of 134217728/);
    const [files, kibibytes] = await bed.lines("manysparse");
    expect(files).toBe("8192");
    expect(Number(kibibytes?.split(/\s/)[0])).toBeLessThan(2048);
    expect(home("manysparse").length).toBeLessThanOrEqual(1);
  });

  it("S-35: what comes home is what lay there when the program ended, a hundred times, though a child went on", async () => {
    await bed.apply(restless);
    for (const name of Object.keys(restless)) {
      expect(await bed.ended(name)).toMatchObject({ phase: "Succeeded" });
      const [file] = (await bed.attempt(name)).status?.outputs ?? [];
      expect(file).toMatchObject({ path: "x", bytes: lstatSync(bed.results(name, "x")).size });
      expect(file?.sha256).toBe(
        createHash("sha256")
          .update(readFileSync(bed.results(name, "x")))
          .digest("hex"),
      );
    }
  });
});

/** Error number of the system call that reads an extended attribute. */
async function attributeOf(path: string, attribute: string): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "homie-attribute-"));
  try {
    const program = join(directory, "getxattr");
    const text = (value: string): Buffer => Buffer.from(`${value}\0`);
    writeFileSync(program, renderProgram([{ number: 191, args: [text(path), text(attribute), 0n, 0n] }]));
    chmodSync(program, 0o755);
    return await new Promise((resolve) => execFile(program, (error) => resolve(Number(error?.code ?? worked))));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
