import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isEngineMissing } from "../../contract/docker-bed.ts";
import { expectDockerTable } from "../../contract/docker-table.ts";
import { hostileImage } from "../../support/sandbox-image.ts";
import { SandboxBed, sh } from "./bed.ts";
import { broken, cisRules, restrictedRules } from "./benchmarks.ts";

describe.skipIf(await isEngineMissing("S-01"))("how a Job runs", () => {
  let bed: SandboxBed;
  beforeAll(async () => {
    bed = await SandboxBed.open();
    await bed.apply({ live: sh("sleep 600") });
  });
  afterAll(() => bed?.close());

  it("S-01: the live container of a Job has every setting of the table", async () => {
    const found = await bed.running("live");
    const { Id: imageId } = await bed.engine.docker.getImage(hostileImage).inspect();
    expectDockerTable(found, await bed.attempt("live"), { imageId, nodeId: bed.nodeId });
  });

  it(`S-01: ${cisRules.length} of ${cisRules.length} checks of the CIS Docker Benchmark, section 5, hold`, async () => {
    expect(broken(cisRules, await bed.running("live"))).toEqual([]);
  });

  it(`S-01: ${restrictedRules.length} of ${restrictedRules.length} controls of the Pod Security Standard "restricted" hold`, async () => {
    expect(broken(restrictedRules, await bed.running("live"))).toEqual([]);
  });

  it("S-01: the same checks find what is wrong with a container as people start it", async () => {
    const { docker } = bed.engine;
    const HostConfig = { Binds: ["/tmp:/host"], Privileged: true, NetworkMode: "host", PidMode: "host" };
    const careless = await docker.createContainer({ Image: hostileImage, HostConfig });
    try {
      const found = await careless.inspect();
      expect(broken(cisRules, found).length).toBeGreaterThan(10);
      expect(broken(restrictedRules, found).length).toBeGreaterThan(6);
    } finally {
      await careless.remove({ force: true, v: true });
    }
  });
});
