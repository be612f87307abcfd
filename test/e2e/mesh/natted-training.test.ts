import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sha256Of } from "../crew/engine-crew.ts";
import { EngineHouse, whyNoEngineHouse } from "../crew/engine-house.ts";
import { buildTrainingImage, example, results, whyNoTrainingImage } from "../crew/training.ts";
import { type Friends, openFriends } from "../lab/cast.ts";
import { whyNoLab } from "../lab/lab.ts";
import { admit, connectionOf } from "./natted-crew.ts";
import { promised } from "../../support/promised.ts";

const refusal = (await whyNoLab()) ?? (await whyNoEngineHouse()) ?? (await whyNoTrainingImage());
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);

const slow = 600_000;

describe.skipIf(refusal !== undefined)("examples/ml-training between two houses", () => {
  let friends: Friends;
  const engines: EngineHouse[] = [];

  beforeAll(async () => {
    friends = await openFriends();
    const { lab, vivek } = friends;
    const [raj, priya] = [lab.host("raj"), lab.host("priya")];
    // The same machines, each with an engine.
    for (const host of [raj, priya]) engines.push(await EngineHouse.open(host.name, {}, host));
    await Promise.all([vivek, ...engines].map((each) => each.up()));
    await vivek.cli.ok(["network", "create", "homelab"]);
    for (const host of [raj, priya]) await admit(vivek, host);
    const [first] = engines;
    if (first !== undefined) await buildTrainingImage(first);
  }, slow);

  afterAll(async () => {
    for (const engine of engines) await engine.close();
    await friends.lab.close();
  });

  test(
    "what raj trains on priya's machine comes home byte by byte as if it had run here",
    { timeout: slow },
    async () => {
      const [raj] = engines;
      if (raj === undefined) throw new Error("raj has no engine");
      const wait = promised(15_000);
      await expect.poll(() => connectionOf(friends.lab.host("raj"), "priya"), wait).toBe("punched");
      const train = async (peer: string): Promise<string> => {
        const directory = join(friends.lab.host("raj").home, `on-${peer}`);
        cpSync(example, directory, { recursive: true });
        const said = await raj.ok(["run", "train.py", "--env", "ml-demo", "--peer", peer], { cwd: directory });
        const log = readFileSync(join(directory, "training.log"), "utf8").trimEnd().split("\n");
        expect(said.split("\n").filter((line) => line.startsWith("["))).toEqual(log.map((line) => `[${peer}] ${line}`));
        return directory;
      };
      const [here, there] = [await train("raj"), await train("priya")];
      for (const path of results) expect(sha256Of(join(there, path)), path).toBe(sha256Of(join(here, path)));
    },
  );
});
