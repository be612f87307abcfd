import type { ChildProcess } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { House } from "./house.ts";
import { findSniffer, Lan, whyNoLan } from "./lan.ts";
import { promised, promisedMs } from "../../support/promised.ts";

const refusal = await whyNoLan();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);
if (refusal !== undefined) process.stderr.write(`skipped: crew on a LAN: ${refusal}\n`);

const secret = "marker-secret-of-the-group";
/** Suspect after 2 s, Offline after 4 s: the same rules as with 2 s, 10 s and 30 s, only sooner. */
const quick = { heartbeat_interval: 0.4, peer_timeout: 4 };
const wait = promised(15_000);

describe.skipIf(refusal !== undefined)("a crew on a LAN", () => {
  const lan = new Lan("crew");
  const houses: House[] = [];
  const wire: Buffer[] = [];
  let sniffer: ChildProcess | undefined;
  let [alice, bob, carol]: House[] = [];

  const build = (name: string, namespace: string, config: Readonly<Record<string, string | number>>): House => {
    const house = new House(name, { ...quick, ...config }, namespace);
    houses.push(house);
    return house;
  };
  const known = (house: House | undefined): House => {
    if (house === undefined) throw new Error("beforeAll has not built this house");
    return house;
  };

  beforeAll(async () => {
    await lan.open();
    const command = await findSniffer();
    if (command !== undefined) {
      sniffer = lan.spawn(lan.middle, command);
      sniffer.stdout?.on("data", (chunk: Buffer) => wire.push(chunk));
    }
    alice = build("marker-alice", await lan.addHost("alice", "10.77.0.1"), { group_secret: secret });
    bob = build("marker-bob", await lan.addHost("bob", "10.77.0.2"), { group_secret: secret });
    carol = build("marker-carol", await lan.addFarHost("carol", "10.78.0.3"), { group_secret: secret });
    await Promise.all([alice, bob].map((house) => house.up()));
  });

  afterAll(async () => {
    sniffer?.kill("SIGKILL");
    for (const house of houses) await house.close();
    await lan.close();
  });

  test("two machines with one secret find each other within 5 s, and each says the truth about the other", async () => {
    const started = performance.now();
    await expect.poll(() => known(alice).phaseOf("marker-bob"), wait).toBe("Online");
    await expect.poll(() => known(bob).phaseOf("marker-alice"), wait).toBe("Online");
    expect(performance.now() - started).toBeLessThan(promisedMs(5_000));
    const [seenBob, seenAlice] = [await known(alice).peer("marker-bob"), await known(bob).peer("marker-alice")];
    const version = (JSON.parse(await known(alice).ok(["version", "-o", "json"])) as { client?: string }) ?? {};
    expect(seenBob?.metadata).toMatchObject({
      name: "marker-bob",
      annotations: { "homie.dev/managed-by": "discovery" },
    });
    expect(seenBob?.status).toMatchObject({ path: { kind: "lan", via: "10.77.0.2:5556" }, jobs: 0 });
    expect(seenAlice?.status).toMatchObject({ path: { kind: "lan", via: "10.77.0.1:5556" } });
    expect(JSON.stringify(version)).toContain(seenBob?.status?.version);
    const whoami = JSON.parse(await known(bob).ok(["whoami", "-o", "json"])) as { node: string };
    expect(seenBob?.status?.node).toBe(whoami.node);
    expect(seenBob?.status?.path?.rttMs).toBeGreaterThan(0);
    expect(seenBob?.status?.resources?.memoryTotal).toBeGreaterThan(0);
    expect(await known(alice).ok(["peers"])).toMatch(/^NAME +IP +CPU +RAM +GPU +STATUS\nmarker-bob +10\.77\.0\.2 /);
  });

  test("where no broadcast reaches, `homie add` makes the link, and the other side knows it too", async () => {
    await known(carol).up();
    expect(await known(carol).ok(["add", "10.77.0.1"])).toBe("peer/10-77-0-1 created\n");
    await expect.poll(() => known(carol).phaseOf("marker-alice"), wait).toBe("Online");
    await expect.poll(() => known(alice).phaseOf("marker-carol"), wait).toBe("Online");
    expect((await known(carol).peer("marker-alice"))?.status?.path?.kind).toBe("direct");
    expect(await known(carol).ok(["list-direct"])).toContain("10.77.0.1");
  });

  test("A4: a second machine that calls itself bob is kept out, and bob stays who he is", async () => {
    const before = (await known(alice).peer("marker-bob"))?.status?.node;
    const eve = build("marker-bob", await lan.addHost("eve", "10.77.0.9"), { group_secret: secret });
    await eve.up();
    const rival = async (): Promise<unknown> => (await known(alice).peer("marker-bob"))?.status?.conditions;
    await expect
      .poll(rival, wait)
      .toContainEqual(expect.objectContaining({ reason: "NameClaimedTwice", status: "False" }));
    expect((await known(alice).peer("marker-bob"))?.status).toMatchObject({ node: before, phase: "Online" });
    expect((await known(alice).peers()).length).toBe(2);
    await eve.ok(["down"]);
  });

  test("a machine with another secret is refused, and both sides say that the group secret differs", async () => {
    const mallory = build("mallory", await lan.addHost("mallory", "10.77.0.66"), { group_secret: "another secret" });
    await mallory.up();
    await mallory.ok(["add", "10.77.0.1"]);
    await expect.poll(() => mallory.phaseOf("10-77-0-1"), wait).toBe("Untrusted");
    const words = "Job authentication failed: the group secret differs";
    expect(JSON.stringify((await mallory.peer("10-77-0-1"))?.status?.conditions)).toContain(words);
    expect(known(alice).log()).toContain(`${words} (10.77.0.66)`);
    expect(await known(alice).ok(["status", "-o", "json"])).toContain(`${words} (10.77.0.66)`);
    expect((await known(alice).peers()).map(({ status }) => status?.name)).not.toContain("mallory");
    await mallory.ok(["down"]);
  });

  test("A16: a file that only says it is a peer stays untrusted and is never dialled", async () => {
    const identity = "planted2planted2planted22";
    known(alice).write(
      "desired/peers/planted.yaml",
      `apiVersion: homie.dev/v1\nkind: Peer\nmetadata:\n  name: planted\n  annotations: {homie.dev/managed-by: gossip}\nspec: {address: 10.77.0.254, identity: ${identity}}\n`,
    );
    await expect.poll(() => known(alice).phaseOf("planted"), wait).toBe("Untrusted");
    const { conditions } = (await known(alice).peer("planted"))?.status ?? {};
    expect(conditions).toContainEqual(expect.objectContaining({ type: "Reachable", reason: "NoLink" }));
    await known(alice).ok(["remove", "planted"]);
  });

  test("a quiet crew writes nothing: neither versions nor files of peers move", async () => {
    const look = async (): Promise<unknown> => [
      (await known(bob).peers()).map(({ metadata }) => metadata.resourceVersion),
      known(bob).mtimeOf("desired/peers/marker-alice.yaml"),
    ];
    const heartbeats = 8;
    // What other programs of this machine take is told too, until they are through.
    await expect
      .poll(
        async () => {
          const before = await look();
          await new Promise((resolve) => setTimeout(resolve, quick.heartbeat_interval * heartbeats * 1_000));
          return JSON.stringify(await look()) === JSON.stringify(before);
        },
        { timeout: 60_000 },
      )
      .toBe(true);
  });

  test("kill -9: the others see Suspect, then Offline, and after the restart the same machine again", async () => {
    const node = (await known(alice).peer("marker-bob"))?.status?.node;
    known(bob).kill();
    await expect.poll(() => known(alice).phaseOf("marker-bob"), { ...wait, interval: 100 }).toBe("Suspect");
    await expect.poll(() => known(alice).phaseOf("marker-bob"), wait).toBe("Offline");
    await known(bob).up();
    await expect.poll(() => known(alice).phaseOf("marker-bob"), wait).toBe("Online");
    await expect.poll(() => known(bob).phaseOf("marker-alice"), wait).toBe("Online");
    expect((await known(alice).peer("marker-bob"))?.status?.node).toBe(node);
    expect((await known(alice).peers()).length).toBe(2);
  });

  test("F-33: a machine that is held up for a moment is Suspect, not Offline, and then Online again", async () => {
    const phases = new Set<string | undefined>();
    const look = async (): Promise<string | undefined> => {
      const phase = await known(alice).phaseOf("marker-bob");
      phases.add(phase);
      return phase;
    };
    process.kill(known(bob).pid(), "SIGSTOP");
    await expect.poll(look, { ...wait, interval: 100 }).toBe("Suspect");
    process.kill(known(bob).pid(), "SIGCONT");
    await expect.poll(look, { ...wait, interval: 100 }).toBe("Online");
    expect(phases).toEqual(new Set(["Online", "Suspect"]));
  });

  test("a machine that sleeps and wakes is linked again by itself", async () => {
    process.kill(known(bob).pid(), "SIGSTOP");
    await expect.poll(() => known(alice).phaseOf("marker-bob"), wait).toBe("Offline");
    process.kill(known(bob).pid(), "SIGCONT");
    await expect.poll(() => known(alice).phaseOf("marker-bob"), wait).toBe("Online");
    await expect.poll(() => known(bob).phaseOf("marker-alice"), wait).toBe("Online");
  });

  test("the original homie's list of hosts is tried, and who answers becomes a discovered peer", async () => {
    const dora = build("marker-dora", await lan.addFarHost("dora", "10.79.0.4"), { group_secret: secret });
    dora.write("peers", "# friends\n10.77.0.1\n10.79.0.200 # nobody\n");
    await dora.up();
    await expect.poll(() => dora.phaseOf("marker-alice"), wait).toBe("Online");
    expect((await dora.peer("marker-alice"))?.metadata.annotations).toEqual({ "homie.dev/managed-by": "discovery" });
    await expect.poll(() => known(alice).phaseOf("marker-dora"), wait).toBe("Online");
    await dora.ok(["down"]);
  });

  test("a removed machine that still knows the secret comes back as a discovered one", async () => {
    const uid = (await known(alice).peer("marker-bob"))?.metadata.uid;
    expect(await known(alice).ok(["remove", "marker-bob"])).toBe("peer/marker-bob removed\n");
    const reborn = async (): Promise<boolean> => {
      const peer = await known(alice).peer("marker-bob");
      return peer?.status?.phase === "Online" && peer.metadata.uid !== uid;
    };
    await expect.poll(reborn, wait).toBe(true);
  });

  test("O12: the secret is in config.yaml and in no other file of the home", () => {
    const files = known(alice).files();
    expect(files.length).toBeGreaterThan(8);
    expect(files.filter(({ bytes }) => bytes.includes(secret)).map(({ path }) => path)).toEqual(["config.yaml"]);
  });

  test("a machine whose address changes is found again at the new one", async () => {
    await lan.moveHost(`homie-crew-${process.pid}-bob`, "10.77.0.22");
    const via = async (): Promise<string | undefined> => (await known(alice).peer("marker-bob"))?.status?.path?.via;
    await expect.poll(via, { ...wait, timeout: 20_000 }).toMatch(/^10\.77\.0\.22/);
    await expect.poll(() => known(alice).phaseOf("marker-bob"), wait).toBe("Online");
  });

  test("a goodbye is Offline at once", async () => {
    await known(carol).ok(["down"]);
    await expect.poll(() => known(alice).phaseOf("marker-carol"), { timeout: 1_500, interval: 100 }).toBe("Offline");
  });

  test("without a group secret nothing listens, on any port", async () => {
    const namespace = await lan.addHost("hermit", "10.77.0.50");
    const hermit = build("hermit", namespace, {});
    await hermit.up();
    const tables = ["tcp", "tcp6", "udp", "udp6"].map((table) => `/proc/net/${table}`);
    const sockets = (await lan.inside(namespace, ["cat", ...tables]))
      .split("\n")
      .filter((line) => /^ *\d+:/.test(line));
    expect(sockets).toEqual([]);
    expect((await hermit.run(["peers"])).stderr).toContain("nobody yet");
  });

  test("nothing on the wire can be read: no name, no secret, no version, no path", async () => {
    if (sniffer === undefined) {
      process.stderr.write("no sniffer here: recording-proxy.test.ts looks instead\n");
      return;
    }
    const captured = (): Buffer => Buffer.concat(wire);
    // What is in clear is seen: else the test below would prove nothing.
    const shout = `require("node:dgram").createSocket("udp4").send("control-in-clear", 9, "10.77.0.254", () => process.exit())`;
    await lan.inside(`homie-crew-${process.pid}-hermit`, [process.execPath, "-e", shout]);
    await expect.poll(() => captured().includes("control-in-clear"), wait).toBe(true);
    expect(captured().length).toBeGreaterThan(50_000);
    const markers = [
      "marker-alice",
      "marker-bob",
      "marker-carol",
      secret,
      "homie-link",
      "homie/v1",
      "cpuCount",
      "0.1.0",
    ];
    expect(markers.filter((marker) => captured().includes(marker))).toEqual([]);
  });
});
