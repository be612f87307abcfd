import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient, readText } from "../../src/cli/client.ts";
import { connectDaemon } from "../../src/cli/connect.ts";
import { openSocketTransport } from "../../src/cli/socket-transport.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "homie-binary-"));

function homie(
  args: readonly string[],
  env: Record<string, string> = {},
  script = "src/main.ts",
): { code: number | null; out: string; err: string } {
  const { PATH } = process.env;
  const child = spawnSync(process.execPath, [join(root, script), ...args], {
    encoding: "utf8",
    env: { PATH, HOMIE_HOME: home, ...env } as NodeJS.ProcessEnv,
    timeout: 20_000,
  });
  return { code: child.status, out: child.stdout, err: child.stderr };
}

describe("the command line as a process", () => {
  test.each([[[]], [["--help"]], [["help"]]])("%j prints the help", (args) => {
    const { code, out } = homie(args);
    expect(code).toBe(0);
    for (const heading of ["First steps:", "The daemon:", "Jobs:", "A first job:"]) expect(out).toContain(heading);
    expect(out).not.toContain("__complete");
  });
  test.each([
    [["gte", "jobs"], "error: unknown command 'gte'\nhint: did you mean get?\n"],
    [["get", "jobs", "--hoem", "x"], "error: unknown option '--hoem'\nhint: did you mean --home?\n"],
    [["get"], "error: missing required argument 'what'\nhint: `homie get --help` shows how it is used\n"],
    [
      ["apply"],
      "error: required option '-f, --filename <path>' not specified\nhint: `homie apply --help` shows how it is used\n",
    ],
    [["env"], "error: which env command?\nhint: one of create, list, default, remove; --help says more\n"],
    [["sprint", "x.py"], "error: unknown command 'sprint'\nhint: `homie --help` lists the commands\n"],
  ])("%j is wrong usage", (args, complaint) => {
    expect(homie(args)).toEqual({ code: 2, out: "", err: complaint });
  });
  test("errors are JSON where JSON was asked for", () => {
    const { code, err } = homie(["status", "-o", "json"]);
    expect(code).toBe(1);
    expect(JSON.parse(err)).toEqual({
      code: "DaemonUnavailable",
      message: "the homie daemon is not running",
      hint: "start it with `homie up -d`",
    });
  });
  test("down without a daemon is fine", () => {
    expect(homie(["down"])).toEqual({ code: 0, out: "homie is not running\n", err: "" });
  });
  test("every shell gets a completion, and completion knows commands, options and kinds", () => {
    for (const shell of ["bash", "zsh", "fish"])
      expect(homie(["completion", shell]).out).toContain("homie __complete --");
    expect(homie(["__complete", "--", "de"]).out).toBe(
      "describe\ndelete\ndemo\n"
        .split("\n")
        .sort((a, b) => homieOrder.indexOf(a) - homieOrder.indexOf(b))
        .join("\n"),
    );
    expect(homie(["__complete", "--", "get", "--sort"]).out).toBe("--sort-by\n");
    expect(homie(["__complete", "--", "get", "at"]).out).toBe("attempts\n");
    expect(homie(["__complete", "--", "env", "l"]).out).toBe("list\n");
  });
  test("explain reads the schema that validates", () => {
    const { code, out } = homie(["explain", "job.spec.timeoutSeconds"]);
    expect(code).toBe(0);
    expect(out).toContain("FIELD:    spec.timeoutSeconds <integer>");
    expect(homie(["explain", "job.spec.timeout"]).err).toContain("hint: did you mean timeoutSeconds?");
  });
  test("the installed script starts it as well", () => {
    expect(homie(["version", "-o", "json"], {}, "bin/homie.js").out).toContain('"version":');
  });
});
const homieOrder = ["describe", "delete", "demo", ""];

describe("the API over the socket", () => {
  const socket = join(home, "api.sock");
  let server: Server | undefined;
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === "/broken") {
        response.writeHead(200, { "content-length": "100" });
        response.write("half");
        setImmediate(() => response.destroy());
      } else response.end(JSON.stringify({ host: request.headers.host, method: request.method, url: request.url }));
    });
    await new Promise<void>((resolve) => server?.listen(socket, resolve));
  });
  afterAll(() => server?.close());

  test("requests carry the host the daemon expects", async () => {
    const client = createClient(openSocketTransport(socket), new AbortController().signal);
    expect(await client.call({ path: "/x?y=1" })).toEqual({ host: "homie", method: "GET", url: "/x?y=1" });
  });
  test("an answer that breaks off is an error", async () => {
    const response = await openSocketTransport(socket).send({ method: "GET", path: "/broken" });
    await expect(readText(response.body)).rejects.toMatchObject({ code: "DaemonUnavailable" });
  });
  test("a stale socket and a missing one mean that no daemon runs", async () => {
    writeFileSync(join(home, "stale.sock"), "");
    await expect(connectDaemon(join(home, "stale.sock"))).rejects.toMatchObject({ code: "DaemonUnavailable" });
    await expect(connectDaemon(join(home, "none.sock"))).rejects.toMatchObject({ code: "DaemonUnavailable" });
  });
});
