import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { jobUser, renderContainerBody } from "../../src/adapters/docker/container-body.ts";
import seccompProfile from "../../src/adapters/docker/seccomp.json" with { type: "json" };
import { callApi } from "../../src/daemon/bench/api.ts";
import { containersAreGone } from "../../src/daemon/bench/jobs.ts";
import type { Row } from "../../src/daemon/bench/measure.ts";
import { startSubject } from "../../src/daemon/bench/subject.ts";
import { writeTar } from "../../src/tar/write.ts";
import { makeAttempt } from "../contract/attempt-fixture.ts";
import { declare, program, type Bench } from "./homes.ts";

const count = Number(process.env["HOMIE_JOBS"] ?? 500);
/** As many at once as two cores are busy with. */
const atOnce = 4;
const argv = ["sh", "-c", "exit 0"];

/** Many no-op Jobs on one machine, against what the engine's API does with the same containers, called by a client that does nothing else. */
export async function measureMany({ home, image, docker }: Bench): Promise<readonly Row[]> {
  const bare = await perSecond(docker, image, runBare);
  const whole = await perSecond(docker, image, runWithFiles);
  const looked = await perSecond(docker, image, runWithLook);
  const homie = await jobsPerSecond(home, image);
  const again = await perSecond(docker, image, runWithFiles);
  const withFiles = (whole + again) / 2;
  const row = (what: string, baseline: number, name: string, budget: string): Row => ({
    what,
    value: `${homie.rate.toFixed(1)}/s`,
    baseline: `${name}: ${baseline.toFixed(1)}/s`,
    ratio: `${((homie.rate / baseline) * 100).toFixed(0)} %`,
    budget,
  });
  return [
    row(`${count} no-op Jobs, ${atOnce} at once`, withFiles, "the engine's API, files in and out, output", ">= 90 %"),
    row("the same", looked, "a look at the files instead, as homie does it", ""),
    row("the same", bare, "create, start, wait, remove", ""),
    {
      what: "processor time of the daemon, each",
      value: `${((homie.cpuSeconds / count) * 1_000).toFixed(0)} ms`,
      baseline: "",
      ratio: "",
      budget: "",
    },
  ];
}

async function jobsPerSecond(
  home: string,
  image: string,
): Promise<{ readonly rate: number; readonly cpuSeconds: number }> {
  declare(home, "default", "Limits", { maxJobs: atOnce });
  const subject = await startSubject(home, "bench", new AbortController().signal, { program });
  try {
    const before = await subject.usage();
    const fromMs = performance.now();
    for (let index = 0; index < count; index += 1)
      declare(home, `many-${index}`, "Job", { image, command: argv, resources: { cpu: 0.1, memory: "64Mi" } });
    for (;;) {
      const list = (await callApi(subject.socket, "GET", "/apis/homie.dev/v1/jobs")) as JobList;
      const failed = list.items.find(({ status }) => status?.phase === "Failed");
      if (failed !== undefined) throw new Error(`a Job failed: ${failed.status?.message ?? ""}`);
      if (list.items.filter(({ status }) => status?.phase === "Succeeded").length === count) break;
      await sleep(500);
    }
    const seconds = (performance.now() - fromMs) / 1_000;
    const after = await subject.usage();
    await containersAreGone(subject.socket);
    return { rate: count / seconds, cpuSeconds: after.cpuSeconds - before.cpuSeconds };
  } finally {
    await subject.stop();
  }
}

interface JobList {
  readonly items: readonly { readonly status?: { readonly phase?: string; readonly message?: string } }[];
}

type RunOne = (docker: Docker, body: ReturnType<typeof renderContainerBody>) => Promise<void>;

async function perSecond(docker: Docker, image: string, runOne: RunOne): Promise<number> {
  const { Id: imageId } = await docker.getImage(image).inspect();
  const facts = {
    imageId,
    imageVolumes: [],
    imageEnv: [],
    node: { nodeId: "bench" },
    seccompProfile: JSON.stringify(seccompProfile),
    appArmor: false,
    layerQuota: false,
    egressNetwork: "none",
  };
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next++ < count) await runOne(docker, renderContainerBody(makeAttempt({ argv }), facts));
  };
  const fromMs = performance.now();
  await Promise.all(Array.from({ length: atOnce }, worker));
  return count / ((performance.now() - fromMs) / 1_000);
}

async function create(
  docker: Docker,
  { name, ...rest }: ReturnType<typeof renderContainerBody>,
): Promise<Docker.Container> {
  return docker.createContainer({ _query: { name }, _body: rest } as Docker.ContainerCreateOptions);
}

async function runBare(docker: Docker, body: ReturnType<typeof renderContainerBody>): Promise<void> {
  const container = await create(docker, body);
  await container.start();
  await container.wait();
  await container.remove({ v: true });
  await docker.getVolume(body.name).remove();
}

/** What a client asks for that brings files in and out and keeps the output. */
const runWithFiles: RunOne = (docker, body) =>
  runWhole(docker, body, async (container) => drain(await container.getArchive({ path: "/work/job" })));

/** The same by a client that sees from the time of the work directory that there is nothing to bring. */
const runWithLook: RunOne = (docker, body) =>
  runWhole(docker, body, async (container) => drain(await container.infoArchive({ path: "/work/job" })));

async function runWhole(
  docker: Docker,
  body: ReturnType<typeof renderContainerBody>,
  collect: (container: Docker.Container) => Promise<void>,
): Promise<void> {
  const container = await create(docker, body);
  await container.putArchive(await jobDirectoryTar(), { path: "/work" });
  const output = await container.attach({ stream: true, stdout: true, stderr: true });
  const ended = drain(output);
  await container.start();
  await container.wait();
  await ended;
  await container.inspect();
  await collect(container);
  await container.remove({ v: true });
  await docker.getVolume(body.name).remove();
}

/** `job/` of the user that Jobs run as. */
async function jobDirectoryTar(): Promise<Buffer> {
  const owner = { uid: jobUser, gid: jobUser };
  const entry = { kind: "directory", path: "job", bytes: 0, mode: 0o755, mtimeSeconds: 0, ...owner } as const;
  return Buffer.concat(await Array.fromAsync(writeTar([entry])));
}

async function drain(stream: NodeJS.ReadableStream): Promise<void> {
  for await (const piece of stream) void piece;
}
