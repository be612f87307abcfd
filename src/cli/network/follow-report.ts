import type { NetworkPeerReport, NetworkReport } from "../../resources/network-report.ts";
import type { Terminal } from "../terminal.ts";
import { repeatRounds } from "../watch.ts";
import type { MeshClient } from "./mesh-client.ts";

const everyMs = 1000;

/** Asks for the report each second until `see` answers true. A daemon that restarts is waited for. */
export async function followReport(
  terminal: Terminal,
  mesh: MeshClient,
  signal: AbortSignal,
  see: (report: NetworkReport) => Promise<boolean>,
): Promise<void> {
  let isFirst = true;
  await repeatRounds(terminal, signal, async () => {
    // On top of what repeatRounds pauses.
    if (!isFirst) await terminal.sleep(everyMs / 2, signal);
    isFirst = false;
    return (await see(await mesh.report())) ? true : undefined;
  });
}

/** The same, for somebody who may lose interest: Ctrl-C ends the waiting and nothing else, and the answer is false. */
export async function waitOnTerminal(
  terminal: Terminal,
  mesh: MeshClient,
  see: (report: NetworkReport) => Promise<boolean>,
): Promise<boolean> {
  const stop = new AbortController();
  using _taken = terminal.takeInterrupts(() => stop.abort());
  try {
    await followReport(terminal, mesh, stop.signal, see);
    return true;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    await terminal.errors.write("\n");
    return false;
  }
}

/** Packets flow; or, on a machine that cannot have the interface, at least the two daemons talk. */
export function isConnected({ you }: NetworkReport, peer: NetworkPeerReport): boolean {
  if (peer.connection !== "none") return true;
  return you.interfaceProblem !== undefined && peer.status === "Online";
}
