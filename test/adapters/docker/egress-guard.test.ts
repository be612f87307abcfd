import { expect, it } from "vitest";
import { createEgressGuard } from "../../../src/adapters/docker/egress-guard.ts";
import type { Captures } from "../../../src/adapters/docker/captures.ts";
import type { Engine } from "../../../src/adapters/docker/connect.ts";
import type { Containers } from "../../../src/adapters/docker/containers.ts";
import { egressNetworks } from "../../../src/adapters/docker/egress-network.ts";
import { HomieError } from "../../../src/resources/errors.ts";
import type { Attempt } from "../../../src/resources/attempt.ts";
import { makeAttempt } from "../../contract/attempt-fixture.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** An engine with one container on the filtered bridge, and a filter that works until the test says otherwise. */
class Bed {
  readonly clock = new FakeClock();
  readonly remarks: string[] = [];
  readonly disconnected: string[] = [];
  isFilterable = true;
  looks = 0;
  network: string = egressNetworks.filtered;
  options: Readonly<Record<string, string>> = {
    "com.docker.network.bridge.enable_icc": "false",
    "com.docker.network.bridge.name": egressNetworks.filtered,
    "com.docker.network.bridge.enable_ip_masquerade": "false",
  };
  readonly guard = createEgressGuard({
    engine: this.#engine(),
    containers: {
      inspect: () => Promise.resolve({ HostConfig: { NetworkMode: this.network } }),
    } as unknown as Containers,
    captures: {
      facts: () => ({ phase: "live" }),
      remark: (_: Attempt, text: string) => this.remarks.push(text),
    } as unknown as Captures,
    filter: { ensure: () => this.#ensure() },
    mode: () => "filtered",
    clock: this.clock,
    log: quiet,
  });

  #ensure(): Promise<void> {
    this.looks += 1;
    return this.isFilterable
      ? Promise.resolve()
      : Promise.reject(new HomieError("EngineUnable", "nft is not installed"));
  }

  #engine(): Engine {
    const network = {
      inspect: () =>
        Promise.resolve({
          Options: this.options,
          IPAM: { Config: [{ Subnet: "172.18.0.0/16", Gateway: "172.18.0.1" }] },
        }),
      disconnect: ({ Container }: { readonly Container: string }) => {
        this.disconnected.push(Container);
        return Promise.resolve();
      },
    };
    return { docker: () => ({ getNetwork: () => network }) } as unknown as Engine;
  }
}

it("a Job whose network cannot be filtered any more loses it, and its log says why", async () => {
  const bed = new Bed();
  const attempt = makeAttempt({ network: "egress" });
  await bed.guard.follow(attempt);
  await bed.clock.advance(2_000);
  expect(bed.disconnected).toEqual([]);
  bed.isFilterable = false;
  await bed.clock.advance(2_000);
  expect(bed.disconnected).toEqual([`homie-${attempt.spec.job.uid}-1`]);
  expect(bed.remarks).toEqual(["the network was taken away: nft is not installed"]);
  const { looks } = bed;
  await bed.clock.advance(10_000);
  expect(bed.looks).toBe(looks);
  await bed.guard.close();
});

it("no container is made for a network that cannot be filtered, or that is another one than homie's", async () => {
  const bed = new Bed();
  expect(await bed.guard.prepare()).toBe(egressNetworks.filtered);
  bed.isFilterable = false;
  await expect(bed.guard.prepare()).rejects.toMatchObject({ code: "EngineUnable" });
  bed.isFilterable = true;
  bed.options = { "com.docker.network.bridge.enable_icc": "false" };
  await expect(bed.guard.prepare()).rejects.toThrow(/not the one homie makes/);
});

it("nothing is looked at for a Job without a network, or one that was let out unfiltered", async () => {
  const bed = new Bed();
  await bed.guard.follow(makeAttempt({ network: "none" }));
  bed.network = egressNetworks.unfiltered;
  await bed.guard.follow(makeAttempt({ network: "egress" }));
  await bed.guard.check(makeAttempt({ network: "egress" }));
  await bed.clock.advance(10_000);
  expect(bed.looks).toBe(0);
});
