import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { createPasteReader, isWholePaste, maxPasteLetters } from "../../src/cli/paste-reader.ts";
import type { PasteStep } from "../../src/cli/paste-reader.ts";
import { aBundle, aRequest, fakeMesh, inviteWords } from "./fake-mesh.ts";
import { openMeshHome } from "./mesh-home.ts";

const lines = aBundle.replaceAll(/(.{64})/gu, "$1\n");
const [begin, end] = ["\u001B[200~", "\u001B[201~"];

describe("a paste is read", () => {
  const read = (...chunks: readonly string[]): readonly [PasteStep, string] => {
    const reader = createPasteReader(isWholePaste);
    let step: PasteStep = "more";
    for (const chunk of chunks) step = reader.push(chunk);
    return [step, reader.text().replaceAll(/\s/gu, "")];
  };

  test.each<[string, readonly string[], PasteStep]>([
    ["on one line", [`${aBundle}\r`], "done"],
    ["on one line, after empty ones", [`\r\r${aBundle}\r`], "done"],
    ["over many lines", [`${lines}\r`], "done"],
    ["over many lines of DOS", [`${lines.replaceAll("\n", "\r\n")}\r`], "done"],
    ["between marks, with Enter after it", [`${begin}${lines}${end}`, "\r"], "done"],
    ["between marks, whose last line ends inside", [`${begin}${lines}\n${end}`, "\r"], "done"],
    ["between marks that come in pieces", ["\u001B[2", `00~${lines}\u001B[20`, "1~", "\r"], "done"],
    ["letter by letter", [...lines, "\r"], "done"],
    ["without Enter", [lines], "more"],
    ["with arrow and function keys and a tab about it", [`\u001B[A\u001BOP\t${aBundle}\u001B[1;5D\r`], "done"],
    ["after something that was cleared with Ctrl-U", [`hello\u0015${aBundle}\r`], "done"],
    ["after a letter too many that was taken back", [`x\u007F${aBundle}\r`], "done"],
    ["up to Ctrl-D", [`${aBundle}\u0004`], "done"],
  ])("%s", (_, chunks, last) => {
    const [step, text] = read(...chunks);
    expect([step, text === aBundle]).toEqual([last, true]);
  });

  test.each<[string, string, PasteStep]>([
    ["half of it and Enter may be all, or a line of it", `${aBundle.slice(0, 90)}\r`, "pause"],
    ["what is no invite ends at Enter too", "hello\r", "pause"],
    ["Enter alone is nothing yet", "\r\r", "more"],
    ["Ctrl-D alone is the end", "\u0004", "ended"],
    ["Ctrl-C leaves", `${aBundle.slice(0, 9)}\u0003`, "interrupted"],
    ["a control character inside of a paste does nothing", `${begin}a\u0003\u0004b`, "more"],
  ])("%s", (_, keys, step) => {
    expect(read(keys)[0]).toBe(step);
  });

  test("too much of it is refused as it comes", () => {
    const reader = createPasteReader(isWholePaste);
    for (let read = 0; read < maxPasteLetters; read += 1024) reader.push("x".repeat(1024));
    expect(() => reader.push("x")).toThrow("longer than 65536 characters");
  });

  test.each([aBundle, aRequest, lines, ` ${lines}\n`])("all of it is known by its length", (text) => {
    expect(isWholePaste(text)).toBe(true);
    expect(isWholePaste(text.trimEnd().slice(0, -1))).toBe(false);
  });
});

/** Debian's `script` (bsdutils) gives a program a terminal of its own. */
const hasScript = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") === true;

test.runIf(hasScript)(
  "on a real terminal an invite longer than its line buffer is pasted over many lines, and joins",
  { timeout: 60_000 },
  async () => {
    const mesh = fakeMesh();
    const { home } = await openMeshHome(mesh);
    const entry = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
    const command = `'${process.execPath}' '${entry}' network join`;
    const env = { ...process.env, HOMIE_HOME: home, NO_COLOR: "1", TERM: "xterm" };
    const child = spawn("script", ["-qec", command, "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"] });
    onTestFinished(() => void child.kill());
    const ended = new Promise((resolve) => child.once("close", resolve));
    let seen = "";
    const hears = async (words: string): Promise<void> => {
      if (seen.includes(words)) return;
      for await (const chunk of child.stdout.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        seen += chunk.toString();
        if (seen.includes(words)) return;
      }
      throw new Error(`${JSON.stringify(words)} never came:\n${seen}`);
    };
    await hears("then press Enter:");
    child.stdin.write(`${begin}${lines}${end}`);
    await hears(`${lines.trim().length} characters`);
    child.stdin.write("\r");
    await hears("[yes/no]");
    expect(seen).toContain(inviteWords.join("  "));
    child.stdin.write("yes\r");
    await hears("1 gpu");
    child.stdout.resume();
    child.stdin.end();
    expect(await ended).toBe(0);
    expect(mesh.done.map(([name]) => name)).toEqual(["request", "join"]);
  },
);
