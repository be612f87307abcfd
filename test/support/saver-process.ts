import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { savers } from "./savers.ts";

/** Saves in a process of its own, so that it really races with what this one does. */
export class SaverProcess {
  readonly #child: ChildProcess = fork(fileURLToPath(import.meta.url), [], { execArgv: [] });

  save(saver: string, path: string, from: string, to: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.once("message", (answer) =>
        answer === "saved" ? resolve() : reject(new Error(`${saver}: ${JSON.stringify(answer)}`)),
      );
      this.#child.send({ saver, path, from, to });
    });
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.on("message", (order: { saver: string; path: string; from: string; to: string }) => {
    try {
      savers.find(({ name }) => name === order.saver)?.save(order.path, order.from, order.to);
      process.send?.("saved");
    } catch (error) {
      process.send?.(String(error));
    }
  });
}
