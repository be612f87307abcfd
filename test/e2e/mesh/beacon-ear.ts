import { join } from "node:path";
import { createNetworkFile } from "../../../src/adapters/identity/network-file.ts";
import { openBeaconSocket } from "../../../src/adapters/udp/beacon-socket.ts";
import { deriveGroupKeys } from "../../../src/trust/group-secret.ts";
import { generateIdentity, nodeIdOf } from "../../../src/trust/identity.ts";

/** `node beacon-ear.ts PORT`: says whose beacon it is that can be heard first with the newest secret of this home alone. */
const content = createNetworkFile(join(process.env["HOMIE_HOME"] ?? "", "network", "network.json")).load();
const quiet = (): void => undefined;
const ear = await openBeaconSocket({
  port: Number(process.argv[2]),
  keys: deriveGroupKeys(content?.epoch.secret ?? ""),
  identityKey: generateIdentity().identityKey,
  log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  onBeacon: ({ identity }) => {
    const node = nodeIdOf(identity);
    if (process.argv.slice(3).includes(node)) return;
    process.stdout.write(node);
    void ear.close();
  },
});
