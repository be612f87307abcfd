import { readFile } from "node:fs/promises";
import { parseEndpoint } from "../adapters/tls/endpoint.ts";
import type { Logger } from "../reconciler/types.ts";
import type { DialTarget } from "./crew-dialer.ts";
import { defaultPeerPort } from "./crew-peers.ts";

const maxHosts = 256;

/** The original homie's `peers` file: one host a line, `#` begins a remark. Hosts to try, not objects. */
export async function readHostList(path: string, log: Logger): Promise<readonly DialTarget[]> {
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
