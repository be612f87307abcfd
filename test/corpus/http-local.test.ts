import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { serveApi, type ServeLimits } from "../../src/api/serve.ts";
import { jobManifest, jobs, openTestHome, type TestHome } from "../api/support.ts";
import { testLog } from "../store/store-fixture.ts";
import { statusOf, type HttpCase } from "./http/case.ts";
import { localCases } from "./http/local-cases.ts";
import { openCaseTimes } from "./support/case-times.ts";
import { expectSayable } from "./support/expect-sayable.ts";

const times = openCaseTimes("W, local API");
afterAll(() => console.log(times.report()));

async function serve(limits: Partial<ServeLimits> = {}, home: TestHome = openTestHome()) {
  const directory = mkdtempSync(join(tmpdir(), "homie-http-"));
  const socketPath = join(directory, "homie.sock");
  const server = await serveApi({
    ...{ api: home.api, socketPath, signal: new AbortController().signal, log: testLog(), limits },
  });
  onTestFinished(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return { socketPath, home };
}

/** Everything the server sends until it ends the connection. */
async function exchange(socketPath: string, send: HttpCase["send"]): Promise<string> {
  const [text, end] = typeof send === "string" || Buffer.isBuffer(send) ? [send] : send;
  return await new Promise((resolve, reject) => {
    const socket = connect({ path: socketPath, allowHalfOpen: true });
    let answer = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => (answer += chunk));
    socket.on("end", () => socket.end());
    socket.on("close", () => resolve(answer));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "EPIPE" || error.code === "ECONNRESET" ? resolve(answer) : reject(error),
    );
    socket.write(text);
    if (end === null) socket.end();
  });
}

const ask = `GET ${jobs} HTTP/1.1\r\nHost: homie\r\nConnection: close\r\n\r\n`;

describe("the local API, sent", () => {
  test.each(localCases)("$id $title, answers $answer and goes on", async ({ id, title, send, answer }) => {
    const { socketPath, home } = await serve();
    await home.job("witness");
    const before = home.store.currentVersion();
    const said = await times.measure(`${id} ${title}`, () => exchange(socketPath, send));
    expect(statusOf(said)).toBe(answer);
    expect(said.toLowerCase()).not.toContain("access-control");
    const body = said.split("\r\n\r\n").slice(1).join("");
    if (answer !== 200 && body.startsWith("{")) expectSayable((JSON.parse(body) as { message: string }).message);
    expect(home.store.currentVersion()).toBe(before);
    expect(({} as Record<string, unknown>)["a"]).toBeUndefined();
    expect(await exchange(socketPath, ask)).toContain('"witness"');
  });

  test.each([
    ["W-02 headers", `GET ${jobs} HTTP/1.1\r\nHost: ho`],
    [
      "W-02 a body",
      `POST ${jobs} HTTP/1.1\r\nHost: homie\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{`,
    ],
    [
      "W-02 a chunk",
      `POST ${jobs} HTTP/1.1\r\nHost: homie\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{`,
    ],
  ])("%s that never end, answers 408 in time", async (_title, text) => {
    const { socketPath } = await serve({ headersTimeoutMs: 100, requestTimeoutMs: 200 });
    expect(statusOf(await exchange(socketPath, text))).toBe(408);
  });

  test("W-04 the name of a file outside, answers before any file is looked at", async () => {
    const { socketPath, home } = await serve();
    for (const name of ["..%2f..%2fetc%2fpasswd", "%2e%2e", "a%00"])
      expect(
        statusOf(
          await exchange(socketPath, `GET ${jobs}/${name}/log HTTP/1.1\r\nHost: homie\r\nConnection: close\r\n\r\n`),
        ),
      ).toBe(400);
    expect(home.logs.reading.size).toBe(0);
    expect(home.declared.writes).toBe(0);
  });
});

describe("the local API under many connections", () => {
  const open = (socketPath: string): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect(socketPath, () => resolve(socket));
      socket.on("error", reject);
    });

  test("W-10 1,000 at once: those beyond the limit are told 503 with Retry-After or let go, and all is well again after", async () => {
    const { socketPath } = await serve();
    const idle: Socket[] = [];
    for (let count = 0; count < 1_000; count += 1) idle.push(await open(socketPath));
    for (const socket of idle) socket.on("error", () => socket.destroy()).resume();
    await Promise.all(idle.slice(0, 450).map((socket) => new Promise((gone) => socket.once("close", gone).destroy())));
    await expect.poll(async () => statusOf(await exchange(socketPath, ask))).toBe(200);
    for (const socket of idle) socket.destroy();
  });

  test("W-10 one beyond the limit is told when to come again", async () => {
    const { socketPath } = await serve({ connections: 3 });
    const idle = [await open(socketPath), await open(socketPath), await open(socketPath)];
    const said = await exchange(socketPath, ask);
    expect(statusOf(said)).toBe(503);
    expect(said.toLowerCase()).toContain("retry-after: 1");
    for (const socket of idle) socket.destroy();
  });

  test("W-10 300 followers of one log that never read hold nobody up, and stop being served when they go", async () => {
    const home = openTestHome();
    const { socketPath } = await serve({}, home);
    const job = await home.job("train");
    const attempt = home.attempt(job, 1, { phase: "Running" });
    home.logs.write(attempt, "stdout", "x".repeat(1_000));
    const follow = `GET ${jobs}/train/log?follow=true HTTP/1.1\r\nHost: homie\r\n\r\n`;
    const followers = await Promise.all(Array.from({ length: 300 }, () => open(socketPath)));
    for (const socket of followers) socket.write(follow);
    await expect.poll(() => home.logs.reading.size).toBe(300);
    for (let count = 0; count < 50; count += 1) home.logs.write(attempt, "stdout", "y".repeat(10_000));
    expect(await exchange(socketPath, ask)).toContain('"train"');
    for (const socket of followers) socket.destroy();
    await expect.poll(() => home.logs.reading.size).toBe(0);
  });

  test("W-10 a watch that never reads ends with a marker once it lags too far", async () => {
    const home = openTestHome({ maxWatchLagBytes: 64 * 1024 });
    const { socketPath } = await serve({}, home);
    await home.job("train");
    const socket = await open(socketPath);
    socket.write(
      `GET ${jobs}?watch=true&resourceVersion=${home.store.currentVersion()} HTTP/1.1\r\nHost: homie\r\n\r\n`,
    );
    await new Promise((resolve) => socket.once("readable", resolve));
    for (let count = 0; count < 300; count += 1) {
      home.setStatus("train", { phase: "Running", message: `${count}`.padStart(4_000, ".") });
      if (count % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    let answer = "";
    for await (const chunk of socket) {
      answer += String(chunk);
      if (answer.includes("\r\n0\r\n\r\n")) break;
    }
    const last = answer.split("\n").findLast((line) => line.startsWith("{")) ?? "{}";
    expect(JSON.parse(last)).toMatchObject({ type: "ERROR", object: { code: 410 } });
  });

  test("W-08 a name that is taken by something else, answers 409 and keeps the first", async () => {
    const { socketPath, home } = await serve();
    await home.job("train");
    const body = JSON.stringify(jobManifest("train", { image: "other" }));
    const text = `POST ${jobs} HTTP/1.1\r\nHost: homie\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    expect(statusOf(await exchange(socketPath, text))).toBe(409);
    expect(home.store.get({ kind: "Job", name: "train" })).toMatchObject({ spec: { image: "busybox" } });
  });
});
