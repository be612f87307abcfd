import { mkdtempSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runApply } from "../../src/cli/commands/apply.ts";
import { runDiff } from "../../src/cli/commands/diff.ts";
import { fakeContext, fakeTerminal, fakeTransport, finish } from "./fakes.ts";

const jobs = "/apis/homie.dev/v1/jobs";
const train = { apiVersion: "homie.dev/v1", kind: "Job", metadata: { name: "train" }, spec: {} };

describe("apply", () => {
  const directory = mkdtempSync(join(tmpdir(), "homie-cli-"));
  writeFileSync(join(directory, "b.yaml"), "kind: Job # b\n");
  writeFileSync(join(directory, "a.yml"), "kind: Job # a\n");
  writeFileSync(join(directory, "notes.txt"), "not yaml");
  mkdirSync(join(directory, "deep"));
  writeFileSync(join(directory, "deep", "c.json"), "{}");
  mkdirSync(join(directory, "empty"));
  const answer = {
    json: { results: [{ kind: "Job", name: "train", action: "created", file: "/d/train.yaml", after: "kind: Job\n" }] },
  };

  test("sends the text with the directory it came from", async () => {
    const terminal = fakeTerminal({ directory });
    const transport = fakeTransport({ "POST /homie/v1/apply": answer });
    expect(await runApply(fakeContext(terminal, transport), { filename: ["b.yaml"] })).toBe(0);
    expect(terminal.stdout()).toBe("job/train created\n");
    expect(JSON.parse(transport.sent[0]?.body ?? "")).toEqual({
      file: "b.yaml",
      text: "kind: Job # b\n",
      baseDirectory: directory,
      dryRun: false,
      forceConflicts: false,
    });
  });
  test("tries several files dry before it writes the first", async () => {
    const terminal = fakeTerminal({ directory });
    const transport = fakeTransport({ "POST /homie/v1/apply": answer });
    await runApply(fakeContext(terminal, transport), { filename: ["."], recursive: true });
    expect(
      transport.sent
        .map((request) => JSON.parse(request.body ?? "") as { file: string; dryRun: boolean })
        .map(({ file, dryRun }) => `${file} ${dryRun}`),
    ).toEqual(["a.yml true", "b.yaml true", "deep/c.json true", "a.yml false", "b.yaml false", "deep/c.json false"]);
  });
  test("prints every problem of every file and writes nothing", async () => {
    const terminal = fakeTerminal({ directory });
    const transport = fakeTransport({
      "POST /homie/v1/apply": (request) => {
        const { file } = JSON.parse(request.body ?? "") as { file: string };
        const problems = [{ file, line: 1, column: 7, document: 0, path: "kind", message: "wrong" }];
        return {
          code: 422,
          json: {
            message: "1 problem in the input",
            reason: "Invalid",
            code: 422,
            details: { errorCode: "InvalidResource", problems },
          },
        };
      },
    });
    expect(await finish(terminal, runApply(fakeContext(terminal, transport), { filename: ["."] }))).toBe(1);
    expect(terminal.stderr()).toBe(
      "error: 2 files: 1 problem in the input\n  a.yml:1:7: kind: wrong\n  b.yaml:1:7: kind: wrong\n",
    );
    expect(transport.sent.every((request) => request.body?.includes('"dryRun":true'))).toBe(true);
  });
  test("shows both values of a conflict and ends with 4", async () => {
    const terminal = fakeTerminal({ directory });
    const causes = [
      {
        reason: "FieldManagerConflict",
        field: "spec.cpu",
        message: "Job train spec.cpu: desired/ has 2, the input has 4",
      },
    ];
    const transport = fakeTransport({
      "POST /homie/v1/apply": {
        code: 409,
        json: {
          message: "one field was changed by hand",
          reason: "Conflict",
          code: 409,
          details: { errorCode: "ApplyConflict", causes },
        },
      },
    });
    expect(await finish(terminal, runApply(fakeContext(terminal, transport), { filename: ["b.yaml"] }))).toBe(4);
    expect(terminal.stderr()).toBe(
      "error: one field was changed by hand\n  Job train spec.cpu: desired/ has 2, the input has 4\nhint: take over the fields with --force-conflicts\n",
    );
  });
  test("without a daemon says that the job waits", async () => {
    const terminal = fakeTerminal({ directory });
    await runApply(fakeContext(terminal, fakeTransport({ "POST /homie/v1/apply": answer }, "offline")), {
      filename: ["b.yaml"],
    });
    expect(terminal.stderr()).toBe("saved; runs when the daemon is up (`homie up -d`)\n");
  });
  test("--prune deletes what has the label and is no longer named", async () => {
    const terminal = fakeTerminal({ directory });
    const transport = fakeTransport({
      "POST /homie/v1/apply": answer,
      [`GET ${jobs}`]: { json: { metadata: {}, items: [train, { ...train, metadata: { name: "old" } }] } },
      ...Object.fromEntries(
        ["limits", "networks", "peers"].map((plural) => [
          `GET /apis/homie.dev/v1/${plural}`,
          { json: { metadata: {}, items: [] } },
        ]),
      ),
      [`DELETE ${jobs}/old`]: { json: { status: "Success" } },
    });
    expect(
      await runApply(fakeContext(terminal, transport), { filename: ["b.yaml"], prune: true, selector: "team=ml" }),
    ).toBe(0);
    expect(terminal.stdout()).toBe("job/train created\njob/old pruned\n");
    expect(transport.sent.map((request) => request.path)).toContain(`${jobs}?labelSelector=team%3Dml`);
  });
  test.each([
    [["none.yaml"], 1, "there is no file none.yaml"],
    [["empty"], 2, "found no *.yaml, *.yml or *.json in empty"],
    [["-", "-"], 2, "stdin can be read once only"],
  ])("of %j says what is wrong", async (filename, expected, message) => {
    const terminal = fakeTerminal({ directory });
    expect(await finish(terminal, runApply(fakeContext(terminal, fakeTransport({})), { filename }))).toBe(expected);
    expect(terminal.stderr()).toContain(`error: ${message}\n`);
  });
  test("diff ends with 1 and prints a unified diff, with 0 when nothing would change", async () => {
    const terminal = fakeTerminal({ directory });
    const changed = {
      json: {
        results: [{ kind: "Job", name: "train", action: "configured", file: "f", before: "a: 1\n", after: "a: 2\n" }],
      },
    };
    expect(
      await runDiff(fakeContext(terminal, fakeTransport({ "POST /homie/v1/apply": changed })), {
        filename: ["b.yaml"],
      }),
    ).toBe(1);
    expect(terminal.stdout()).toBe("--- desired/job/train\n+++ input/job/train\n@@ -1 +1 @@\n-a: 1\n+a: 2\n");
    const same = {
      json: {
        results: [{ kind: "Job", name: "train", action: "unchanged", file: "f", before: "a: 1\n", after: "a: 1\n" }],
      },
    };
    expect(
      await runDiff(fakeContext(fakeTerminal({ directory }), fakeTransport({ "POST /homie/v1/apply": same })), {
        filename: ["b.yaml"],
      }),
    ).toBe(0);
  });
});
