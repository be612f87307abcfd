import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { whyNoEngineHouse } from "../crew/engine-house.ts";
import { EgressWorld, places, tryAll } from "./egress-world.ts";

const reason = await whyNoEngineHouse();
if (reason !== undefined) {
  if (process.env["CI"] === "true") throw new Error(`egress: ${reason}`);
  process.stderr.write(`skipped: S-29: ${reason}\n`);
}
const waitMs = 30_000;

describe.skipIf(reason !== undefined || process.env["HOMIE_TEST_ENGINE"] === "podman")(
  "a Job that may reach out",
  () => {
    let world: EgressWorld;
    beforeAll(async () => {
      world = await EgressWorld.open();
    });
    afterAll(() => world?.close());

    const reached = (output: string): readonly string[] =>
      output.split("\n").flatMap((line) => (line.endsWith(" here") ? [line.slice(0, -" here".length)] : []));
    const listing = (): Promise<string> => world.lan.inside(world.namespace, ["nft", "list", "tables"]);

    async function startOther(name: string): Promise<string> {
      await world.apply(
        name,
        "nc -ll -p 8080 -e /bin/echo here & sleep 1; nc -w 1 127.0.0.1 8080 </dev/null; sleep 600",
      );
      await expect.poll(() => world.addressOf(name), { timeout: waitMs }).toMatch(/^\d/);
      await expect.poll(() => world.house.ok(["logs", `job/${name}`]), { timeout: waitMs }).toContain("here");
      return (await world.addressOf(name)) ?? "";
    }

    it("S-29: reaches the internet and a name server, and neither this machine, its networks, a cloud's metadata nor another Job", async () => {
      const otherJob = await startOther("other");
      await world.apply("curious", tryAll({ otherJob, gateway: otherJob.replace(/\d+$/, "1") }));
      // The neighbour is the machine's name server, and so within reach for names alone.
      expect(reached(await world.output("curious"))).toEqual(["internet tcp", "internet udp", "neighbour udp", "name"]);
    });

    it("S-27: a Job without a network reaches none of these places", async () => {
      await world.apply("offline", tryAll(), { network: "none" });
      expect(reached(await world.output("offline"))).toEqual([]);
    });

    it("S-29: nobody outside reaches it", async () => {
      const address = (await world.addressOf("other")) ?? "";
      await expect(world.lan.inside(world.lan.middle, ["busybox", "nc", "-w", "2", address, "8080"])).rejects.toThrow(
        /timed out/,
      );
    });

    it("S-29: rules that somebody takes away or adds to are as they were again while it runs", async () => {
      await world.apply("lasting", "sleep 600");
      await expect.poll(() => world.addressOf("lasting"), { timeout: waitMs }).toMatch(/^\d/);
      await world.lan.inside(world.namespace, ["nft", "delete", "table", "inet", "homie_egress"]);
      expect(await listing()).not.toContain("inet homie_egress");
      await expect.poll(listing, { timeout: waitMs }).toContain("inet homie_egress");
      await world.lan.inside(world.namespace, ["nft", "add", "rule", "inet", "homie_egress", "forward", "accept"]);
      await expect
        .poll(() => world.lan.inside(world.namespace, ["nft", "list", "table", "inet", "homie_egress"]), {
          timeout: waitMs,
        })
        .not.toMatch(/^\s*accept$/m);
    });

    it("S-29: what Limits call unfiltered reaches everything but another Job: every place does answer", async () => {
      const limits = {
        apiVersion: "homie.dev/v1",
        kind: "Limits",
        metadata: { name: "default" },
        spec: { egress: "unfiltered" },
      };
      await world.house.ok(["apply", "-f", "-"], { input: JSON.stringify(limits) });
      await world.apply("trusted", tryAll());
      // One that has several addresses answers UDP from the first of them, so of those TCP alone.
      const all = Object.keys(places).map((name) => `${name} tcp`);
      const udp = ["internet udp", "neighbour udp", "publicNeighbour udp", "router udp"];
      expect(reached(await world.output("trusted"))).toEqual(expect.arrayContaining([...all, ...udp, "name"]));
    });
  },
);
