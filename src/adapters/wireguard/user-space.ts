import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { accessSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { HomieError } from "../../resources/errors.ts";
import { identifyProcess, isAlive, type ProcessIdentity } from "../process/process-identity.ts";
import { findTool, tidy, toolError } from "./run-tool.ts";

const token = "HOMIE_WIREGUARD";
const maxWords = 64 * 1024;
const endMs = 2_000;

/**
 * Starts wireguard-go, which makes the interface and then lives on without us: a daemon that is restarted finds the tunnel as
 * it was. Its log goes nowhere (with the network down it has a line for each packet), but it says at the start why it cannot.
 */
export async function startUserSpace(name: string, fix: string): Promise<ProcessIdentity> {
  const path = findTool("wireguard-go");
  requireTun();
  // It forks, and its child is known by this word alone.
  const word = randomBytes(16).toString("hex");
  const { code, words } = await runToEnd(path, name, { PATH: process.env["PATH"], LC_ALL: "C", [token]: word });
  if (code !== 0) throw toolError("wireguard-go", words, fix);
  const identity = findByWord(word);
  if (identity === undefined) throw new HomieError("ProcessFailed", "wireguard-go ended right after its start");
  return identity;
}

function requireTun(): void {
  try {
    accessSync("/dev/net/tun");
  } catch (error) {
    throw new HomieError("MeshUnavailable", "there is no /dev/net/tun, and the kernel has no WireGuard", {
      hint: "sudo modprobe tun; in a container: start it with --device /dev/net/tun --cap-add NET_ADMIN",
      cause: error,
    });
  }
}

function runToEnd(path: string, name: string, env: NodeJS.ProcessEnv): Promise<{ code: number | null; words: string }> {
  return new Promise((resolve, reject) => {
    // A session of its own: Ctrl-C at the daemon's terminal is not for the tunnel.
    const child = spawn(path, [name], { detached: true, stdio: ["ignore", "pipe", "pipe"], env, cwd: "/" });
    let words = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes: Buffer) => {
        if (words.length < maxWords) words += bytes.toString("utf8");
      });
    }
    child.once("error", (cause) => reject(new HomieError("ProcessFailed", "start wireguard-go", { cause })));
    child.once("close", (code) => resolve({ code, words: tidy(words) }));
  });
}

function findByWord(word: string): ProcessIdentity | undefined {
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry) || !hasWord(entry, word)) continue;
    return identifyProcess(Number(entry));
  }
  return undefined;
}

function hasWord(pid: string, word: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(`${token}=${word}`);
  } catch {
    return false; // gone, or somebody else's
  }
}

/** It ends by itself when its interface is removed; one that does not is told to. Nothing else can be hit: see isAlive. */
export async function endUserSpace(identity: ProcessIdentity, name: string): Promise<void> {
  await waitForEnd(identity);
  // One that is ended while it starts leaves its socket behind.
  const socket = `/var/run/wireguard/${name}.sock`;
  if (await isDead(socket)) rmSync(socket, { force: true });
}

/** A socket nobody listens at; false where there is none. */
function isDead(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
  });
}

async function waitForEnd(identity: ProcessIdentity): Promise<void> {
  for (const signal of [undefined, "SIGTERM", "SIGKILL"] as const) {
    if (signal !== undefined) kill(identity.pid, signal);
    for (let waitedMs = 0; waitedMs < endMs; waitedMs += 20) {
      if (!isAlive(identity)) return;
      await sleep(20);
    }
  }
  throw new HomieError("ProcessFailed", `wireguard-go (pid ${identity.pid}) does not end`);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
