import { existsSync } from "node:fs";
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { HomieError } from "../../resources/errors.ts";
import type { Logger } from "../../reconciler/types.ts";
import { createOneAtATime } from "../docker/one-at-a-time.ts";
import { askTool, findTool } from "../wireguard/run-tool.ts";
import { egressTables, renderEgressRuleset } from "./ruleset.ts";
import { readSurroundings } from "./surroundings.ts";

/** The engine's network that Jobs are put on. */
export interface EgressBridge {
  readonly bridge: string;
  readonly subnet: string;
  /** This machine's address on it. */
  readonly gateway: string;
}

/** Keeps Jobs on one bridge away from everything but the internet. */
export interface EgressFilter {
  /**
   * Resolves when the kernel's rules are those that are wanted: it looks, and writes what is not so. Throws HomieError
   * EngineUnable, with what to do, when that cannot be had.
   */
  ensure(bridge: EgressBridge): Promise<void>;
}

const otherwise =
  "or, if such Jobs may reach everything this machine reaches, its local network included: egress: unfiltered in Limits";

export function createEgressFilter(log: Logger): EgressFilter {
  const turns = createOneAtATime();
  /** What was written last, and how nft lists it: equal to what it lists now while nobody has changed it. */
  let written: { readonly ruleset: string; readonly listing: string } | undefined;

  async function ensure(bridge: EgressBridge): Promise<void> {
    checkBridge(bridge);
    const ruleset = renderEgressRuleset({ ...bridge, ...(await readSurroundings()) });
    const listing = await list();
    if (listing !== undefined && written?.ruleset === ruleset && written.listing === listing) return;
    await nft(["-f", "-"], ruleset);
    const after = await list();
    if (after === undefined) throw unable("the rules were written and are not there", "look at `nft list ruleset`");
    log.debug("the egress filter was written", { bridge: bridge.bridge, wasThere: listing !== undefined });
    written = { ruleset, listing: after };
  }

  return {
    ensure: (bridge) =>
      turns.run("filter", async () => {
        try {
          await ensure(bridge);
        } catch (error) {
          if (error instanceof HomieError && error.code === "EngineUnable") throw error;
          const { message, hint } = error as Partial<HomieError>;
          throw unable(message ?? String(error), hint ?? "look at the daemon's log");
        }
      }),
  };
}

/** Why no filter can be had on this machine, or undefined; changes nothing. */
export async function whyNoFilter(): Promise<{ readonly message: string; readonly hint: string } | undefined> {
  try {
    await nft(["list", "tables"], "");
    return undefined;
  } catch (error) {
    const { message, hint } = error as HomieError;
    return { message, hint: hint ?? otherwise };
  }
}

/** Text of all our tables; undefined when one is not there. */
async function list(): Promise<string | undefined> {
  const listings: string[] = [];
  for (const table of egressTables) {
    const answer = await askTool("nft", ["--stateless", "list", "table", ...table.split(" ")]);
    if (!answer.ok && /no such file/i.test(answer.words)) return undefined;
    if (!answer.ok) throw refusal(answer.words);
    listings.push(answer.stdout);
  }
  return listings.join("");
}

async function nft(args: readonly string[], input: string): Promise<void> {
  requireNft();
  const answer = await askTool("nft", args, input);
  if (!answer.ok) throw refusal(answer.words);
}

function requireNft(): void {
  try {
    findTool("nft");
  } catch {
    throw unable("nft is not installed", "install nftables");
  }
}

function refusal(words: string): HomieError {
  if (/not permitted|permission denied/i.test(words))
    return unable("changing the firewall needs root", "give the daemon CAP_NET_ADMIN, or run it as root");
  return unable(`nft failed: ${words}`, "look at `nft list ruleset`");
}

function unable(because: string, remedy: string): HomieError {
  return new HomieError("EngineUnable", `a Job's way out cannot be filtered on this machine: ${because}`, {
    hint: `${remedy}; ${otherwise}`,
  });
}

/** An engine in another machine, a virtual one or a user's own network has its bridges there, out of reach. */
function checkBridge({ bridge, subnet, gateway }: EgressBridge): void {
  const [address = "", prefix = ""] = subnet.split("/");
  const isSound = /^[a-z][a-z0-9-]{0,14}$/.test(bridge) && isIPv4(address) && /^(?:[89]|[12]\d|3[0-2])$/.test(prefix);
  if (!isSound) throw unable("the engine's network has odd addresses", `remove it: docker network rm ${bridge}`);
  const isHere = (networkInterfaces()[bridge] ?? []).some((each) => each.address === gateway);
  // A bridge without a port that is up is not listed as one that has an address.
  if (!isHere && !existsSync(`/sys/class/net/${bridge}`))
    throw unable(
      `the engine's bridge ${bridge} is not on this machine`,
      "use an engine that runs as root on this machine",
    );
}
