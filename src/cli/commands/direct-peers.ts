import { dialableProblem } from "../../resources/address-rules.ts";
import { HomieError } from "../../resources/errors.ts";
import { objectPath } from "../client.ts";
import type { Client } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { findKind } from "../kinds.ts";
import { choosePaint } from "../render/colours.ts";
import { renderJson } from "../render/markup.ts";
import { wrapObjects } from "../render/objects.ts";
import type { ApiObject } from "../render/objects.ts";
import { safeLine } from "../render/safe-text.ts";
import { renderTable } from "../render/table.ts";
import type { JsonOption } from "./about.ts";

const defaultPort = "5556";
const nameRule = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/u;

/** Writes a Peer with the address; adding the same address again changes nothing. */
export async function runAdd(
  context: CommandContext,
  host: string,
  options: { readonly name?: string },
): Promise<number> {
  const problem = dialableProblem(host);
  if (problem !== undefined)
    throw new HomieError("Usage", `${JSON.stringify(host)} ${problem}`, {
      hint: "for example 100.64.1.2, bob.example.net:5600 or [2001:db8::7]:5556",
    });
  if (options.name !== undefined && !nameRule.test(options.name))
    throw new HomieError("Usage", `${JSON.stringify(options.name)} is no name`, {
      hint: "letters a-z, digits and hyphens, at most 63",
    });
  return await context.withClient("any", async (client) => {
    const peers = await listPeers(client);
    const same = peers.find((peer) => normalise(addressOf(peer)) === normalise(host));
    const { output, errors } = context.terminal;
    if (same !== undefined) {
      await output.write(`peer/${same.metadata.name} unchanged\n`);
      return exitCodes.ok;
    }
    const name = options.name ?? freeName(host, new Set(peers.map((peer) => peer.metadata.name)));
    const body = { apiVersion: "homie.dev/v1", kind: "Peer", metadata: { name }, spec: { address: host } };
    await client.call({ method: "POST", path: findKind("peers").path, body });
    await output.write(`peer/${name} created\n`);
    if (client.mode === "offline") await errors.write("saved; dialled when the daemon is up (`homie up -d`)\n");
    return exitCodes.ok;
  });
}

export async function runRemove(context: CommandContext, host: string): Promise<number> {
  return await context.withClient("any", async (client) => {
    const peers = await listPeers(client);
    const byAddress = peers.filter((peer) => addressOf(peer) !== "" && normalise(addressOf(peer)) === normalise(host));
    const doomed = byAddress.length > 0 ? byAddress : peers.filter((peer) => isNamed(peer, host));
    if (doomed.length === 0)
      throw new HomieError("NotFound", `no peer has the address or name ${JSON.stringify(host)}`, {
        hint: "`homie peers` lists all, `homie list-direct` those with an address",
      });
    for (const { metadata } of doomed) {
      await client.call({ method: "DELETE", path: objectPath(findKind("peers"), metadata.name) });
      await context.terminal.output.write(`${safeLine(`peer/${metadata.name}`)} removed\n`);
    }
    await context.terminal.errors.write(
      "a machine that knows the group secret comes back when it is met again; to shut it out, change group_secret\n",
    );
    return exitCodes.ok;
  });
}

export async function runListDirect(context: CommandContext, options: JsonOption): Promise<number> {
  const format = options.output ?? "table";
  if (format !== "table" && format !== "json")
    throw new HomieError("Usage", `cannot print as ${JSON.stringify(format)}`, { hint: "-o takes json" });
  return await context.withClient("any", async (client) => {
    const direct = (await listPeers(client)).filter((peer) => addressOf(peer) !== "");
    const { output, errors, env } = context.terminal;
    if (format === "json") {
      await output.write(renderJson(wrapObjects(direct, true)));
    } else if (direct.length === 0) {
      await errors.write("no machine was named by address; `homie add HOST` does it\n");
    } else {
      const rows = direct.map((peer) => [peer.metadata.name, addressOf(peer), peer.status?.["phase"] ?? "-"]);
      const paint = choosePaint(output.isTty, env);
      await output.write(renderTable(["Name", "Address", "Status"], rows, { maxWidth: output.columns, paint }));
    }
    return exitCodes.ok;
  });
}

export async function listPeers(client: Client): Promise<readonly ApiObject[]> {
  const { items } = await client.list(findKind("peers"));
  return items.map((item) => ({ apiVersion: "homie.dev/v1", kind: "Peer", ...item }));
}

function addressOf(peer: ApiObject): string {
  const address = peer.spec?.["address"];
  return typeof address === "string" ? address : "";
}

function isNamed(peer: ApiObject, name: string): boolean {
  return peer.metadata.name === name || peer.status?.["name"] === name;
}

/** `HOST` and `HOST:5556` are one address. */
function normalise(address: string): string {
  const [, bracketed, plain, port = defaultPort] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/u.exec(address) ?? [];
  return `${(bracketed ?? plain ?? address).toLowerCase()} ${Number(port)}`;
}

/** "100.64.1.2:5600" becomes "100-64-1-2-5600". */
function freeName(host: string, taken: ReadonlySet<string>): string {
  const label = host
    .toLowerCase()
    .replace(new RegExp(`:${defaultPort}$`, "u"), "")
    .replaceAll(/[^a-z0-9]+/gu, "-")
    .replaceAll(/^-+|-+$/gu, "")
    .slice(0, 58)
    .replace(/-+$/u, "");
  const base = label === "" ? "peer" : label;
  for (let number = 1; ; number++) {
    const name = number === 1 ? base : `${base}-${number}`;
    if (!taken.has(name)) return name;
  }
}
