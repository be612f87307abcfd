import type Docker from "dockerode";
import { expect, it } from "vitest";
import type { Engine } from "../../../src/adapters/docker/connect.ts";
import { createContainers } from "../../../src/adapters/docker/containers.ts";
import { sampleAttempt } from "../project/attempt-sample.ts";

const found = { Id: "c1", Config: { Labels: { "homie.node": "n" } }, State: { Status: "exited" } };

function refusal(message: string): Error {
  return Object.assign(new Error(`(HTTP code 500) server error - ${message}`), { statusCode: 500, json: { message } });
}

/** Containers of an engine that answers these, one after the other, the last one for ever. */
function containersOf(...answers: readonly (Error | object)[]): { look(): Promise<unknown>; asked(): number } {
  let asked = 0;
  const inspect = async (): Promise<object> => {
    const answer = answers[Math.min(asked, answers.length - 1)];
    asked += 1;
    if (answer instanceof Error) throw answer;
    return await Promise.resolve(answer as object);
  };
  const docker = { getContainer: () => ({ inspect }) } as unknown as Docker;
  const containers = createContainers({ docker: () => docker } as unknown as Engine, "n");
  return { look: () => containers.inspect(sampleAttempt()), asked: () => asked };
}

it("asks podman again about a container whose process ends while it is looked at", async () => {
  const { look, asked } = containersOf(refusal("read /proc/14679/cgroup: no such process"), found);
  expect(await look()).toMatchObject({ Id: "c1" });
  expect(asked()).toBe(2);
});

it("does not ask for ever, and not again after another answer", async () => {
  const ending = containersOf(refusal("open /proc/7/cgroup: no such file or directory"));
  await expect(ending.look()).rejects.toMatchObject({ code: "EngineUnavailable" });
  expect(ending.asked()).toBe(5);
  const broken = containersOf(refusal("database is locked"), found);
  await expect(broken.look()).rejects.toMatchObject({ code: "EngineUnavailable" });
  expect(broken.asked()).toBe(1);
});
