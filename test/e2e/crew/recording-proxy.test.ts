import { connect, createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { House } from "./house.ts";

const secret = "marker-secret-of-the-group";
const alone = { discovery_port: 0, worker_port: 0, group_secret: secret };

test("two homes on one machine form a crew through a proxy that records every byte and can read none", async () => {
  const recorded: Buffer[] = [];
  const alice = new House("marker-alice", alone);
  const bob = new House("marker-bob", alone);
  const proxy = createServer((near) => {
    const port = Number(/listening for peers port=(\d+)/.exec(alice.log())?.[1]);
    const far = connect(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("data", (chunk: Buffer) => {
        recorded.push(chunk);
        to.write(chunk);
      });
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  try {
    await Promise.all([alice.up(), bob.up()]);
    await bob.ok(["add", `127.0.0.1:${(proxy.address() as AddressInfo).port}`, "--name", "friend"]);
    await expect.poll(() => bob.phaseOf("friend")).toBe("Online");
    await expect.poll(() => alice.phaseOf("marker-bob")).toBe("Online");
    const bytes = Buffer.concat(recorded);
    expect(bytes.length).toBeGreaterThan(2_000);
    const markers = ["marker-alice", "marker-bob", secret, "homie-link", "homie-proof", "cpuCount"];
    expect(markers.filter((marker) => bytes.includes(marker))).toEqual([]);
  } finally {
    await Promise.all([alice.close(), bob.close()]);
    await new Promise<void>((resolve) => proxy.close(() => resolve()));
  }
});
