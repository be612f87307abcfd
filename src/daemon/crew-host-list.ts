import { readFile } from "node:fs/promises";
import { parseEndpoint } from "../adapters/tls/endpoint.ts";
import type { Logger } from "../reconciler/types.ts";
import type { DialTarget } from "./crew-dialer.ts";
import { defaultPeerPort } from "./crew-peers.ts";

const maxHosts = 256;

/** The original homie's `peers` file: one host a line, `#` begins a remark. Hosts to try, not objects. */
async function readHostList(path: string, log: Logger): Promise<readonly DialTarget[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT"))
      log.warn("the list of hosts cannot be read", { path, error: String(error) });
    return [];
  }
  const hosts = text.split("\n").map((line) => line.replace(/#.*$/, "").trim());
  return hosts
    .filter((host) => host !== "")
    .slice(0, maxHosts)
    .flatMap((host) => {
      const endpoint = parseEndpoint(host, defaultPeerPort);
      return endpoint === undefined ? [] : [{ key: `host/${host}`, endpoints: [endpoint] }];
    });
}

/** Hosts of that file as targets; who answered at each is remembered, so that a linked one is not dialled again. */
export class CrewHosts {
  readonly #path: string;
  readonly #log: Logger;
  readonly #nodes = new Map<string, string>();
  #targets: readonly DialTarget[] = [];

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  async read(): Promise<void> {
    this.#targets = await readHostList(this.#path, this.#log);
  }

  targets(): readonly DialTarget[] {
    return this.#targets.map((target) => {
      const expected = this.#nodes.get(target.key);
      return expected === undefined ? target : { ...target, expected };
    });
  }

  linked({ key }: DialTarget, node: string): void {
    if (this.#targets.some((target) => target.key === key)) this.#nodes.set(key, node);
  }

  failed({ key }: DialTarget): void {
    this.#nodes.delete(key);
  }
}
