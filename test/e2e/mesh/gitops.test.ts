import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LabHost } from "../lab/host.ts";
import { Lab, whyNoLab } from "../lab/lab.ts";
import type { PublicHost } from "../lab/public-host.ts";
import { admit, connectionOf, peerOf, statusOf } from "./natted-crew.ts";
import { promised } from "../../support/promised.ts";

const refusal = await whyNoLab();
if (refusal !== undefined && process.env["CI"] === "true") throw new Error(refusal);

const config = { heartbeat_interval: 0.4, peer_timeout: 6, mirror_status: "false" };
const soon = promised(10_000);
const who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"];

/** The README of examples/gitops-crew, with one repository of one machine that the other pulls from. */
describe.skipIf(refusal !== undefined)("peers in git", () => {
  let lab: Lab;
  let vivek: PublicHost;
  let raj: PublicHost;
  let nina: PublicHost;
  const at = (name: string): LabHost => lab.host(name);
  const git = (name: string, ...args: readonly string[]): Promise<string> =>
    at(name).run("git", ...who, "-C", `${at(name).directory}/desired`, ...args);

  beforeAll(async () => {
    lab = await Lab.open();
    vivek = await lab.addPublicHost("vivek", config);
    raj = await lab.addPublicHost("raj", config);
    nina = await lab.addPublicHost("nina", config);
    await Promise.all([vivek.up(), raj.up(), nina.up()]);
    await vivek.cli.ok(["network", "create", "homelab"]);
    await admit(vivek, raj);
  });

  afterAll(() => lab.close());

  test("a pull brings a member that the network has not told of, with who invited her", async () => {
    await expect.poll(() => connectionOf(raj, "vivek"), soon).toBe("direct");
    await git("vivek", "init", "-q");
    // raj hears nothing of nina but from the repository.
    await lab.partition(vivek, raj);
    await lab.partition(nina, raj);
    await admit(vivek, nina);
    await expect.poll(() => connectionOf(vivek, "nina"), soon).toBe("direct");
    await git("vivek", "add", "peers");
    await git("vivek", "commit", "-qm", "nina is in");
    const files = (await git("vivek", "ls-files")).trim().split("\n");
    expect(files).toContain("peers/nina.yaml");
    expect(await git("vivek", "show", "HEAD:peers/nina.yaml")).not.toContain("status:");
    expect(await peerOf(raj, "nina")).toBe(undefined);
    await git("raj", "init", "-q");
    await git("raj", "pull", "-q", `${at("vivek").directory}/desired`, "HEAD");
    await expect.poll(() => peerOf(raj, "nina"), soon).toMatchObject({ status: "Offline", invitedBy: "vivek" });
  });

  test("she is reached as soon as there is a way", async () => {
    await lab.heal(nina, raj);
    await expect.poll(() => connectionOf(raj, "nina"), promised(15_000)).toBe("direct");
    expect((await statusOf(nina)).peers.map(({ name }) => name)).toContain("raj");
  });
});
