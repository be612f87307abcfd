import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadIdentityRecord } from "../../../src/adapters/identity/identity-file.ts";
import { createJoinFile, createNetworkFile } from "../../../src/adapters/identity/network-file.ts";
import { MeshBook } from "../../../src/daemon/mesh/mesh-book.ts";
import { MeshInvites } from "../../../src/daemon/mesh/mesh-invites.ts";

const log = { debug: (): void => {}, info: (): void => {}, warn: (): void => {}, error: (): void => {} };

/** A machine with its book and its invites, over real files in a directory of its own. */
export interface Machine {
  readonly book: MeshBook;
  readonly invites: MeshInvites;
  /** The same files, as a daemon finds them that was started anew. */
  reopen(): MeshBook;
}

export function machine(name: string, nowMs: () => number = () => Date.now()): Machine {
  const home = mkdtempSync(join(tmpdir(), "homie-mesh-"));
  const file = createNetworkFile(join(home, "network.json"));
  const identity = loadIdentityRecord(join(home, "identity.json"));
  const book = new MeshBook({ file, identity, log });
  const invites = new MeshInvites({
    isSpent: () => false,
    book,
    joinFile: createJoinFile(join(home, "join.json")),
    now: () => new Date(nowMs()),
    name,
    placesOf: () => ({ endpoints: ["203.0.113.10:51820"], links: ["203.0.113.10:5556"], isPublic: true }),
  });
  return {
    book,
    invites,
    reopen: () => new MeshBook({ file, identity: loadIdentityRecord(join(home, "identity.json")), log }),
  };
}

/** Everything one of them knows, told to the other. */
export function tell(from: Machine, to: Machine): void {
  to.book.add(from.book.statements().map(({ bytes }) => bytes));
}

/** `inviter` lets `joiner` in, and hears of it. */
export async function admit(inviter: Machine, joiner: Machine, name?: string): Promise<string> {
  const { request } = joiner.invites.request({});
  const invite = await inviter.invites.invite({ request, ...(name === undefined ? {} : { name }) });
  await joiner.invites.join({ bundle: invite.bundle });
  tell(joiner, inviter);
  return invite.assignedIp;
}
