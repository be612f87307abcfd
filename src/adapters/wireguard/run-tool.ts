import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { HomieError } from "../../resources/errors.ts";
import { findProgram } from "../process/find-program.ts";

export type Tool = "ip" | "ip6tables" | "iptables" | "nft" | "ping" | "wg" | "wireguard-go";

export type Answer = { readonly ok: true; readonly stdout: string } | { readonly ok: false; readonly words: string };

const packages: Record<Tool, string> = {
  ip: "iproute2",
  ip6tables: "iptables",
  iptables: "iptables",
  nft: "nftables",
  ping: "iputils-ping",
  wg: "wireguard-tools",
  "wireguard-go": "wireguard-go",
};
const answerMs = 10_000;
/** A dump of 4,096 peers that relay for others is about a megabyte. */
const maxBytes = 16 * 1024 * 1024;

/** Where root's programs lie on most systems, though an ordinary user's PATH has not all of them. */
export function findTool(tool: Tool): string {
  const places = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  const found = findProgram(tool, [process.env["PATH"] ?? "", ...places].join(":"), "/");
  if (typeof found === "string") return found;
  throw new HomieError("MeshUnavailable", `the mesh needs ${tool}, which is not installed`, {
    hint: `sudo apt install ${packages[tool]}, or your system's like`,
    cause: found,
  });
}

/**
 * Runs it without a shell and in English, `input` on its stdin. No argument is ever a secret: every user can read them in
 * /proc. Throws HomieError MeshUnavailable when it is not installed.
 */
export async function askTool(tool: Tool, args: readonly string[], input = ""): Promise<Answer> {
  const path = findTool(tool);
  const env = { PATH: process.env["PATH"], LC_ALL: "C" };
  try {
    const running = promisify(execFile)(path, [...args], { env, timeout: answerMs, maxBuffer: maxBytes });
    // One that ends before it has read everything says so itself: the broken pipe adds nothing.
    running.child.stdin?.on("error", () => {}).end(input);
    const { stdout } = await running;
    return { ok: true, stdout };
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const said = stderr === undefined || stderr.trim() === "" ? message : stderr;
    // nft says what is wrong first, and then shows where.
    return { ok: false, words: tidy(tool === "nft" ? (said.split("\n")[0] ?? "") : said) };
  }
}

/** Its output. Throws HomieError; `fix` is what to run where the rights are missing. */
export async function runTool(tool: Tool, args: readonly string[], fix: string, input = ""): Promise<string> {
  const answer = await askTool(tool, args, input);
  if (answer.ok) return answer.stdout;
  throw toolError(tool, answer.words, fix);
}

export function toolError(tool: Tool, words: string, fix: string): HomieError {
  if (/not permitted|permission denied/i.test(words)) {
    const hint = `run \`${fix}\`, or give the daemon CAP_NET_ADMIN (systemd: AmbientCapabilities=CAP_NET_ADMIN)`;
    return new HomieError("MeshUnavailable", `changing the network of this machine needs root: ${words}`, { hint });
  }
  return new HomieError("ProcessFailed", `${tool} failed: ${words}`);
}

/** The last line that says something; wireguard-go draws a box around its advice, and ip counts the lines of a batch. */
export function tidy(text: string): string {
  const lines = text.replace(/[^\x20-\x7e\n]/g, "").split("\n");
  return (lines.findLast((line) => line.trim() !== "" && !/^Command failed -:\d+$/.test(line)) ?? "it said nothing")
    .trim()
    .slice(0, 300);
}
