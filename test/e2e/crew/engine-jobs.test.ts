import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { importImage, testImage } from "../../support/engine.ts";
import { EngineCrew, leftAt, sha256Of } from "./engine-crew.ts";
import { type EngineHouse, whyNoEngineHouse } from "./engine-house.ts";

const refusal = await whyNoEngineHouse();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);
if (refusal !== undefined) process.stderr.write(`skipped: jobs in the engine of a peer: ${refusal}\n`);

const wait = { timeout: 30_000, interval: 200 };
const slow = 240_000;
const budget = 64 * 1024;
const bigLayerBytes = 60_000_000;

/** Says what the sandbox is like, hashes what it was given, and leaves two files. */
const program = `grep -E "^(CapEff|CapBnd|NoNewPrivs|Seccomp):" /proc/self/status | sort
id -u
touch /etc/mine 2>/dev/null || echo "the root is read-only"
sha256sum data.bin
seq 1 20000 | tee numbers.out
head -c 3000000 /dev/urandom > big.out
sha256sum big.out >&2`;

describe.skipIf(refusal !== undefined)("jobs in the engine of a peer", () => {
  const crew = new EngineCrew("engine-jobs");
  const idOf = async ({ engine }: EngineHouse, image: string): Promise<string | undefined> =>
    (await engine.docker.listImages()).find(({ RepoTags, Id }) => Id === image || RepoTags?.includes(image))?.Id;
  const idAtAlice = async (image: string): Promise<string> => (await idOf(crew.alice, image)) ?? "not here";

  /** What bob's Docker did with containers of homie; it remembers the last 256 things. */
  async function containersMade({ engine }: EngineHouse): Promise<number> {
    const until = Math.ceil(Date.now() / 1_000) + 1;
    const filters = JSON.stringify({ type: ["container"], event: ["create"], label: ["homie.uid"] });
    const events = await engine.docker.getEvents({ since: 0, until, filters });
    let text = "";
    for await (const chunk of events) text += String(chunk);
    return text.split("\n").filter(Boolean).length;
  }

  /** Says in an image whose it is. */
  const whose =
    (name: string) =>
    (root: string): Promise<void> =>
      writeFile(join(root, "whose"), name);

  /** In force when this settles. */
  async function limitBobTo(spec: string): Promise<void> {
    const head = "apiVersion: homie.dev/v1\nkind: Limits\nmetadata: {name: default}\n";
    const file = join(crew.project("limits"), "limits.yaml");
    writeFileSync(file, `${head}spec: ${spec}\n`);
    await crew.bob.ok(["apply", "-f", file]);
  }

  beforeAll(async () => {
    await crew.open();
    await crew.alice.loadTestImage();
  });
  afterAll(() => crew.close());

  test("an image only the submitter has travels, the job runs in a sandbox there, and all of it comes home", async () => {
    const tags = await crew.alice.images();
    const made = [await containersMade(crew.alice), await containersMade(crew.bob)];
    const { docker } = crew.bob.engine;
    for (const { Id } of await docker.listImages({ all: true })) await docker.getImage(Id).remove({ force: true });
    const project = crew.project("first");
    writeFileSync(join(project, "data.bin"), randomBytes(1_000_000));
    await crew.declare("first", { program, image: testImage });
    const status = await crew.finish("first");
    expect(status).toMatchObject({ phase: "Succeeded", exitCode: 0, peer: "bob", runtime: "docker" });

    const home = join(project, "home");
    const numbers = readFileSync(join(home, "numbers.out"), "utf8");
    expect(numbers).toHaveLength(108_894);
    expect(await crew.alice.ok(["logs", "job/first", "--stdout"])).toBe(`CapBnd:\t0000000000000000
CapEff:\t0000000000000000
NoNewPrivs:\t1
Seccomp:\t2
65532
the root is read-only
${sha256Of(join(project, "data.bin"))}  data.bin
${numbers}`);
    expect(sha256Of(join(home, "big.out"))).toBe((await crew.alice.ok(["logs", "job/first", "--stderr"])).slice(0, 64));
    expect(status.outputs?.map(({ path, bytes }) => [path, bytes])).toEqual([
      ["big.out", 3_000_000],
      ["numbers.out", statSync(join(home, "numbers.out")).size],
    ]);

    const images = await docker.listImages({ all: true });
    expect(images.map(({ Id }) => Id)).toEqual([await idAtAlice(testImage)]);
    expect((await docker.getImage(images[0]?.Id ?? "").inspect()).RepoTags).toEqual([]);
    expect(await crew.alice.images()).toEqual(tags);
    const [atAlice = 0, atBob = 0] = made;
    expect([await containersMade(crew.alice), await containersMade(crew.bob)]).toEqual([atAlice, atBob + 1]);
    await expect.poll(() => leftAt(crew.bob), wait).toEqual([]);
  });

  test("a second run sends neither image nor files again", async () => {
    const sent = await crew.sentToBob(async () => {
      expect(await crew.again("first")).toMatchObject({ phase: "Succeeded", peer: "bob" });
    });
    expect(sent).toBeLessThanOrEqual(budget);
  });

  test("of two thousand files only the one that changed is sent", async () => {
    const project = crew.project("many");
    await Promise.all(
      Array.from({ length: 2_000 }, async (_, index) => {
        const directory = join(project, "data", String(index % 20));
        mkdirSync(directory, { recursive: true });
        await writeFile(join(directory, `file-${index}.txt`), randomBytes(1_000).toString("base64"));
      }),
    );
    const count = "find data -type f | wc -l; sha256sum data/7/file-7.txt | cut -c1-64";
    const first = await crew.sentToBob(async () => {
      await crew.declare("many", { program: count, image: testImage });
      expect(await crew.finish("many")).toMatchObject({ phase: "Succeeded", peer: "bob" });
    });
    expect(first).toBeGreaterThan(2_000 * 1_000);
    const changed = randomBytes(20_000);
    writeFileSync(join(project, "data", "7", "file-7.txt"), changed);
    const second = await crew.sentToBob(async () => {
      expect(await crew.again("many")).toMatchObject({ phase: "Succeeded", peer: "bob" });
    });
    expect(second).toBeLessThanOrEqual(budget + changed.length);
    const sha256 = sha256Of(join(project, "data", "7", "file-7.txt"));
    expect(await crew.alice.ok(["logs", "job/many"])).toBe(`2000\n${sha256}\n`);
  });

  test("a name that means another image there changes neither what runs nor what the name means there", async () => {
    const image = "homie-test/whose:1";
    for (const { engine, name } of [crew.alice, crew.bob]) await importImage(engine.docker, image, [], whose(name));
    const atBob = await idOf(crew.bob, image);
    await crew.declare("whose", { program: "cat /whose", image });
    expect(await crew.finish("whose")).toMatchObject({ phase: "Succeeded", peer: "bob" });
    expect(await crew.alice.ok(["logs", "job/whose"])).toBe("alice");
    expect(await idOf(crew.bob, image)).toBe(atBob);
    expect(await idOf(crew.bob, await idAtAlice(image))).toBeDefined();
  });

  test("a peer whose Limits do not allow the image denies, and says which rule it is", async () => {
    await limitBobTo('{allow: {images: ["python:*"]}}');
    try {
      await crew.declare("denied", { program: "true", image: testImage });
      const rejected = async (): Promise<unknown> =>
        (await crew.look("denied")).placement?.rejected?.find(({ peer }) => peer === "bob");
      await expect.poll(rejected, wait).toMatchObject({ reason: "ImageNotAllowed", need: testImage, free: "python:*" });
      expect(await rejected()).toMatchObject({ hint: expect.stringContaining("allow.images") as string });
      expect((await crew.look("denied")).phase).toBe("Pending");
    } finally {
      await limitBobTo("{}");
    }
    // It has waited, and nobody has to ask again.
    expect(await crew.finish("denied")).toMatchObject({ phase: "Succeeded", peer: "bob" });
  });

  test("where Limits allow images by name, it is what the peer itself calls so that runs", async () => {
    const image = "homie-test/named:1";
    for (const { engine, name } of [crew.alice, crew.bob]) await importImage(engine.docker, image, [], whose(name));
    await limitBobTo('{allow: {images: ["homie-test/named:*"]}}');
    try {
      await crew.declare("named", { program: "cat /whose", image });
      expect(await crew.finish("named")).toMatchObject({ phase: "Succeeded", peer: "bob" });
      expect(await crew.alice.ok(["logs", "job/named"])).toBe("bob");
      expect(await idOf(crew.bob, await idAtAlice(image))).toBeUndefined();
    } finally {
      await limitBobTo("{}");
    }
  });

  describe("and a big image", () => {
    /** Settles once more than half of the layer is at bob. */
    async function halfWay(image: string): Promise<void> {
      const id = (await idAtAlice(image)).slice("sha256:".length);
      const incoming = join(crew.bob.home, "state", "images", "incoming", id);
      const sizeOf = (name: string): number => statSync(join(incoming, name), { throwIfNoEntry: false })?.size ?? 0;
      for (const deadline = Date.now() + 60_000; Date.now() < deadline; await pause(2)) {
        const names = existsSync(incoming) ? readdirSync(incoming) : [];
        if (names.some((name) => sizeOf(name) > bigLayerBytes / 2)) return;
      }
      throw new Error("the image is not sent");
    }

    async function killOnTheWay(name: string, victim: () => EngineHouse): Promise<void> {
      const image = `homie-test/${name}:1`;
      const layer = randomBytes(bigLayerBytes);
      await importImage(crew.alice.engine.docker, image, [], (root) => writeFile(join(root, "ballast"), layer));
      const sent = await crew.sentToBob(async () => {
        await crew.declare(name, { program: "sha256sum /ballast | tee r.out", image });
        await halfWay(image);
        victim().kill();
        await victim().up();
        expect(await crew.finish(name, 120)).toMatchObject({ phase: "Succeeded", peer: "bob" });
      });
      // What had come before counts.
      expect(sent).toBeLessThanOrEqual(1.3 * bigLayerBytes);
      const sha256 = createHash("sha256").update(layer).digest("hex");
      expect(readFileSync(join(crew.work, name, "home", "r.out"), "utf8")).toBe(`${sha256}  /ballast\n`);
      expect(await idOf(crew.bob, await idAtAlice(image))).toBeDefined();
      expect(readdirSync(join(crew.bob.home, "state", "images", "incoming"))).toEqual([]);
      await expect.poll(() => leftAt(crew.bob), wait).toEqual([]);
    }

    test(
      "kill -9 of the executor's daemon while it comes: it goes on, and the job succeeds",
      () => killOnTheWay("bob-killed", () => crew.bob),
      slow,
    );

    test(
      "kill -9 of the submitter's daemon while it is sent: the same",
      () => killOnTheWay("alice-killed", () => crew.alice),
      slow,
    );
  });
});
