import { writeSync } from "node:fs";
import type { Screen } from "./screen.ts";

// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html: 1049 the alternate screen, 25 the cursor, 7 wrapping of lines.
const enter = "\u001B[?1049h\u001B[?25l\u001B[?7l\u001B[H";
const leave = "\u001B[?7h\u001B[?25h\u001B[?1049l";
const home = "\u001B[H";
const clearLine = "\u001B[K";
const clearBelow = "\u001B[J";
const ctrlC = "\u0003";

/** Of a terminal that does not know its own, such as a serial line. */
const usualSize = { columns: 80, rows: 24 };
const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Takes over the terminal of this process. However the process ends (but by SIGKILL), the terminal is given back. */
export function openNodeScreen({ process }: { readonly process: NodeJS.Process }): Screen {
  const { stdin, stdout } = process;
  const quit = new AbortController();
  const wake = new EventTarget();
  const stop = (): void => quit.abort();
  const onKey = (keys: string): void => {
    if (/[qQ]/u.test(keys) || keys.includes(ctrlC)) stop();
  };
  const onResize = (): void => void wake.dispatchEvent(new Event("wake"));
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    for (const name of stopSignals) process.removeListener(name, stop);
    process.removeListener("exit", close);
    stdout.removeListener("resize", onResize);
    stdin.removeListener("data", onKey);
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
    giveBack(stdout.fd);
  };
  for (const name of stopSignals) process.on(name, stop);
  process.once("exit", close);
  stdout.on("resize", onResize);
  if (stdin.isTTY) stdin.setRawMode(true).setEncoding("utf8").on("data", onKey);
  stdout.write(enter);
  return {
    get columns() {
      return stdout.columns || usualSize.columns;
    },
    get rows() {
      return stdout.rows || usualSize.rows;
    },
    quit: quit.signal,
    draw: async (text) => {
      const lines = text
        .replace(/\n$/u, "")
        .split("\n")
        .slice(0, stdout.rows || usualSize.rows);
      // Drawn over what is there, so that nothing flickers.
      const frame = home + lines.map((line) => line + clearLine).join("\r\n") + clearBelow;
      await new Promise<void>((resolve) => stdout.write(frame, () => resolve()));
    },
    pause: (milliseconds) => pauseUntil(milliseconds, wake, quit.signal),
    close,
  };
}

/** At once: what is written to a stream may be lost when the process ends. */
function giveBack(file: number): void {
  try {
    writeSync(file, leave);
  } catch {
    // The terminal is gone, and with it what had to be put right.
  }
}

async function pauseUntil(milliseconds: number, wake: EventTarget, quit: AbortSignal): Promise<void> {
  if (quit.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      wake.removeEventListener("wake", end);
      quit.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    wake.addEventListener("wake", end);
    quit.addEventListener("abort", end);
  });
}
