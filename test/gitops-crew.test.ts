import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { systemClock } from "../src/adapters/clock/system-clock.ts";
import { summarizePeer } from "../src/controllers/peer/summarize.ts";
import { CrewMembers } from "../src/daemon/crew-members.ts";
import { CrewPeers } from "../src/daemon/crew-peers.ts";
import type { Job } from "../src/resources/job.ts";
import { parseManifests } from "../src/resources/parse.ts";
import type { Peer } from "../src/resources/peer.ts";
import { deriveGroupKeys } from "../src/trust/group-secret.ts";
import { judgeMembership } from "../src/trust/membership/judge-membership.ts";
import { openStatement } from "../src/trust/membership/statement.ts";
import { openHome, until, type HomeFixture } from "./adapters/files/home-fixture.ts";
import { temporaryDirectory } from "./store/store-fixture.ts";
import { readSources, root } from "./support/source-tree.ts";

const example = join(root, "examples/gitops-crew/desired");
const hasGit = spawnSync("git", ["--version"]).status === 0;
const entry = fileURLToPath(new URL("../src/main.ts", import.meta.url));

function git(directory: string, ...args: readonly string[]): string {
  const who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"];
  return execFileSync("git", [...who, ...args], {
    cwd: directory,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** What the README tells each machine to do. */
function setUpFilter(directory: string): void {
  git(directory, "config", "filter.homie.clean", `'${process.execPath}' '${entry}' strip-status`);
  git(directory, "config", "filter.homie.smudge", "cat");
  git(directory, "config", "filter.homie.required", "true");
}

async function soon(condition: () => boolean, what: string): Promise<void> {
  await until(condition, what, 20_000);
}

/** git takes a file of another size for a changed one, without asking the filter; until it is asked once. Stages no change. */
function lookAgain(directory: string): void {
  git(directory, "add", "-u");
  expect(git(directory, "diff", "--cached")).toBe("");
}

/** A repository that others push to, with the example in it. */
function publish(): string {
  const repository = temporaryDirectory();
  const first = join(temporaryDirectory(), "first");
  git(repository, "init", "-q", "--bare");
  git(repository, "clone", "-q", repository, first);
  cpSync(example, first, { recursive: true });
  for (const args of [
    ["add", "."],
    ["commit", "-qm", "the crew"],
    ["push", "-q"],
  ])
    git(first, ...args);
  return repository;
}

/** A machine whose desired/ is a clone of the repository. */
async function machine(repository: string): Promise<HomeFixture> {
  const home = temporaryDirectory();
  git(home, "clone", "-q", repository, join(home, "desired"));
  setUpFilter(join(home, "desired"));
  const opened = openHome({ root: home, mirrorStatus: true });
  opened.loop.start();
  await opened.loop.rescan();
  return opened;
}

/** The Job has a status now, and its file soon. */
function runs(home: HomeFixture, name: string): void {
  home.store.putStatus(home.store.get<Job>({ kind: "Job", name })!, { phase: "Running", message: "on raj" });
}

// Each look of git at a file starts the filter, a process; and a removal has its grace.
describe.runIf(hasGit)("with the clean filter of the example", { timeout: 60_000 }, () => {
  test("status stays in the files, and out of what git compares, stages and commits", async () => {
    await using home = await machine(publish());
    const desired = home.paths.desired;
    runs(home, "train");
    await soon(() => home.text("jobs/train.yaml").includes("phase: Running"), "the status is mirrored");
    expect(git(desired, "diff")).toBe("");
    lookAgain(desired);
    expect(git(desired, "status", "--porcelain")).toBe("");
    writeFileSync(join(desired, "jobs/train.yaml"), home.text("jobs/train.yaml").replace("memory: 1Gi", "memory: 2Gi"));
    expect(git(desired, "diff").match(/^[-+] .*$/gmu)).toEqual([
      "-  resources: {cpu: 2, memory: 1Gi}",
      "+  resources: {cpu: 2, memory: 2Gi}",
    ]);
    git(desired, "commit", "-qam", "more memory");
    const committed = git(desired, "show", "HEAD:jobs/train.yaml");
    expect(committed).toBe(readFileSync(join(example, "jobs/train.yaml"), "utf8").replace("1Gi", "2Gi"));
    expect(home.text("jobs/train.yaml")).toContain("phase: Running");
  });

  test("files of homie that are committed for the first time have no status in the commit", async () => {
    await using home = await machine(publish());
    const desired = home.paths.desired;
    const text = readFileSync(join(example, "jobs/train.yaml"), "utf8").replace("name: train", "name: second");
    home.put("jobs/second.yaml", text);
    await soon(() => home.names().includes("second"), "the job is known");
    runs(home, "second");
    await soon(() => home.text("jobs/second.yaml").includes("phase: Running"), "the status is mirrored");
    git(desired, "add", "jobs");
    git(desired, "commit", "-qm", "second");
    expect(git(desired, "show", "HEAD:jobs/second.yaml")).toBe(text);
  });

  test("without homie at hand nothing is committed, rather than a status", async () => {
    await using home = await machine(publish());
    const desired = home.paths.desired;
    git(desired, "config", "filter.homie.clean", "/nowhere/homie strip-status");
    home.put("jobs/second.yaml", "apiVersion: homie.dev/v1\nkind: Job\nstatus: {phase: Running}\n");
    expect(() => git(desired, "add", "jobs/second.yaml")).toThrow();
    expect(git(desired, "diff", "--cached", "--name-only")).toBe("");
  });

  test("what is a machine's own is not offered for a commit", async () => {
    await using home = await machine(publish());
    home.put("network.yaml", "apiVersion: homie.dev/v1\nkind: Network\nmetadata: {name: homelab}\nspec: {}\n");
    home.put("limits.yaml", "apiVersion: homie.dev/v1\nkind: Limits\nmetadata: {name: default}\nspec: {}\n");
    expect(git(home.paths.desired, "status", "--porcelain")).toBe("");
  });

  test("a pull over files with status brings new Jobs and peers, changes and removals", async () => {
    const repository = publish();
    await using raj = await machine(repository);
    await using priya = await machine(repository);
    runs(raj, "train");
    await soon(() => raj.text("jobs/train.yaml").includes("phase: Running"), "the status is mirrored");
    priya.put("peers/sam.yaml", peerText("sam", "  labels: {gpu: none}\n"));
    priya.put("jobs/train.yaml", priya.text("jobs/train.yaml").replace("memory: 1Gi", "memory: 2Gi"));
    rmSync(join(priya.paths.desired, "jobs/nightly-report.yaml"));
    for (const args of [
      ["add", "-A"],
      ["commit", "-qm", "sam"],
      ["push", "-q"],
    ])
      git(priya.paths.desired, ...args);
    const { uid } = raj.store.get({ kind: "Job", name: "train" })!.metadata;
    lookAgain(raj.paths.desired);
    git(raj.paths.desired, "pull", "-q", "--ff-only");
    await soon(() => raj.store.get({ kind: "Peer", name: "sam" }) !== undefined, "the peer is known");
    await soon(() => raj.store.get({ kind: "Job", name: "train" })?.metadata.generation === 2, "the change is known");
    await soon(
      () => raj.store.get({ kind: "Job", name: "nightly-report" })?.metadata.deletionTimestamp !== undefined,
      "the removal is known",
    );
    expect(raj.store.get({ kind: "Job", name: "train" })!.metadata.uid).toBe(uid);
    expect(raj.store.get<Peer>({ kind: "Peer", name: "sam" })!.spec.labels).toEqual({ gpu: "none" });
    await soon(() => raj.text("jobs/train.yaml").includes("phase: Running"), "the status is mirrored again");
    lookAgain(raj.paths.desired);
    expect(git(raj.paths.desired, "status", "--porcelain")).toBe("");
  });
});

describe("whom a pulled file lets in", () => {
  const planted = [
    ["no admission", ""],
    ["an admission that is none", "  admission: AAAA\n"],
    ["the admission of somebody else", `  admission: ${admissionOf("raj")}\n`],
  ] as const;

  test.each(planted)("a planted Peer with %s is Untrusted, and nobody dials it", async (_, spec) => {
    await using home = openHome();
    mkdirSync(join(home.paths.desired, "peers"), { recursive: true });
    home.put("peers/mallory.yaml", peerText("mallory", spec, "  annotations: {homie.dev/managed-by: gossip}\n"));
    home.loop.start();
    await home.loop.rescan();
    const peers = crewPeers(home);
    const mallory = home.store.get<Peer>({ kind: "Peer", name: "mallory" })!;
    const sight = peers.look("mallory");
    const silence = { suspectMs: 10_000, offlineMs: 30_000 };
    const { status } = summarizePeer(mallory, { sight, silence }, new Date(0));
    expect(status).toMatchObject({ phase: "Untrusted" });
    expect(status.conditions?.[0]).toMatchObject({ type: "Trusted", status: "False", reason: "NotAdmitted" });
    expect(peers.targets()).toEqual([]);
  });
});

test("the statements of the example lead from its founder to each of its members", () => {
  const statements = ["vivek", "raj", "priya"].map((name) => Buffer.from(admissionOf(name), "base64url"));
  const [genesis] = statements.map((bytes) => openStatement(bytes));
  if (genesis === undefined || typeof genesis === "string") throw new Error("the founder's statement does not open");
  const { members } = judgeMembership(genesis.id, statements);
  const keys = members.map(({ name, identity }) => [name, Buffer.from(identity, "base64url").toString("base64")]);
  expect(Object.fromEntries(keys)).toEqual(
    Object.fromEntries(["vivek", "raj", "priya"].map((name) => [name, peerOf(name).spec.identity])),
  );
});

test("the Jobs of the example are submitted by one of its machines each", () => {
  const jobs = readSources("examples/gitops-crew/desired/jobs/*.yaml").flatMap(
    ({ path, text }) => parseManifests(text, path).documents,
  );
  expect(jobs.map(({ manifest }) => (manifest as Job).spec.submitter)).toEqual(["vivek", "priya"]);
});

function peerOf(name: string): Peer {
  const path = `examples/gitops-crew/desired/peers/${name}.yaml`;
  const [document] = parseManifests(readFileSync(join(root, path), "utf8"), path).documents;
  return document!.manifest as Peer;
}

function admissionOf(name: string): string {
  return peerOf(name).spec.admission ?? "";
}

function peerText(name: string, spec: string, metadata = ""): string {
  const key = Buffer.alloc(32, name).toString("base64");
  return `apiVersion: homie.dev/v1\nkind: Peer\nmetadata:\n  name: ${name}\n${metadata}spec:\n  identity: ${key}\n${spec}`;
}

function crewPeers(home: HomeFixture): CrewPeers {
  const pins = { load: () => [], save: () => {}, remove: () => {} };
  const options = {
    store: home.store,
    declared: home.writer,
    members: new CrewMembers({ pins, keys: deriveGroupKeys("correct horse"), ownName: "raj" }),
    clock: systemClock,
    log: home.log,
    silence: { suspectMs: 10_000, offlineMs: 30_000 },
    isLinked: () => false,
    isIntroduced: () => false,
    own: "raj",
    wake: () => {},
  };
  return new CrewPeers(options);
}
