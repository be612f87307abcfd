import { existsSync, linkSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { serveApi } from "../../src/api/serve.ts";
import { ask, open, raw, serve, silent, socketDirectory, statusOf } from "./socket.ts";
import { jobManifest, jobs, openTestHome } from "./support.ts";

describe("the socket", () => {
  test("belongs to its owner only, in a directory of its own", async () => {
    const { socketPath } = await serve();
    expect((statSync(socketPath).mode & 0o777).toString(8)).toBe("600");
    expect((statSync(join(socketPath, "..")).mode & 0o777).toString(8)).toBe("700");
  });

  test("is taken over from a daemon that died, not from one that lives", async () => {
    const { socketPath, home, stop } = await serve();
    const again = serveApi({ api: home.api, socketPath, signal: stop.signal, log: silent });
    await expect(again).rejects.toMatchObject({ code: "AlreadyRunning" });
    expect((await ask(socketPath, "/healthz")).text).toBe("ok");
  });

  test("left behind by a killed daemon is replaced", async () => {
    const socketPath = join(socketDirectory(), "homie.sock");
    // A bound socket whose owner is gone: closing a handle that was renamed leaves the file behind.
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(`${socketPath}.old`, resolve));
    linkSync(`${socketPath}.old`, socketPath);
    await new Promise((resolve) => dead.close(resolve));
    expect(existsSync(socketPath)).toBe(true);
    const server = await serveApi({
      api: openTestHome().api,
      socketPath,
      signal: new AbortController().signal,
      log: silent,
    });
    expect((await ask(socketPath, "/healthz")).text).toBe("ok");
    await server.close();
    expect(existsSync(socketPath)).toBe(false);
  });

  test("that is an ordinary file is left alone", async () => {
    const socketPath = join(socketDirectory(), "homie.sock");
    writeFileSync(socketPath, "precious");
    const served = serveApi({ api: openTestHome().api, socketPath, signal: new AbortController().signal, log: silent });
    await expect(served).rejects.toMatchObject({ code: "StateUnusable" });
    expect(statSync(socketPath).size).toBe(8);
  });

  test("with a path too long for the system says so", async () => {
    const socketPath = join(socketDirectory(), "x".repeat(120), "homie.sock");
    const served = serveApi({ api: openTestHome().api, socketPath, signal: new AbortController().signal, log: silent });
    await expect(served).rejects.toMatchObject({ code: "StateUnusable", hint: expect.stringContaining("HOMIE_HOME") });
  });

  test("is closed when the signal aborts, open watches included", async () => {
    const { socketPath, stop, server } = await serve();
    const response = await open(socketPath, `${jobs}?watch=true`);
    stop.abort();
    await server.close();
    await expect(Array.fromAsync(response)).rejects.toThrow();
    await expect(ask(socketPath, "/healthz")).rejects.toThrow();
  });
});

describe("requests through the socket", () => {
  test("write and read objects", async () => {
    const { socketPath } = await serve();
    const body = JSON.stringify(jobManifest("train"));
    const created = await ask(socketPath, jobs, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    expect(created.code).toBe(201);
    const read = await ask(socketPath, `${jobs}/train`, { headers: { host: "localhost" } });
    expect([read.code, JSON.parse(read.text)]).toEqual([200, JSON.parse(created.text)]);
  });

  test("get the head of a watch at once and each event as it happens", async () => {
    const { socketPath, home } = await serve();
    const response = await open(socketPath, `${jobs}?watch=true&resourceVersion=${home.store.currentVersion()}`);
    expect(response.statusCode).toBe(200);
    const chunks = response[Symbol.asyncIterator]();
    await home.job("train");
    expect(JSON.parse(String((await chunks.next()).value).split("\n")[0]!)).toMatchObject({
      type: "ADDED",
      object: { metadata: { name: "train" } },
    });
    response.destroy();
  });

  test("get the head of a followed log at once", async () => {
    const { socketPath, home } = await serve();
    const job = await home.job("train");
    const response = await open(socketPath, `${jobs}/train/log?follow=true`);
    expect(response.statusCode).toBe(200);
    const chunks = response[Symbol.asyncIterator]();
    const attempt = home.attempt(job, 1, { phase: "Running" });
    home.logs.write(attempt, "stdout", "hello");
    home.setAttemptStatus(attempt, { message: "wake" });
    expect(String((await chunks.next()).value)).toBe("hello");
    response.destroy();
  });

  test.each([
    ["Origin: null", 403],
    ["Origin: http://evil.example", 403],
    ["Referer: http://localhost/", 403],
    ["Sec-Fetch-Site: none", 403],
    [
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13",
      403,
    ],
    ["Content-Length: 5\r\nTransfer-Encoding: chunked", 400],
    ["Content-Length: 5\r\nContent-Length: 6", 400],
    ["Host: homie", 400],
    [`X-Long: ${"x".repeat(17_000)}`, 431],
    [Array.from({ length: 200 }, (_, index) => `X-${index}: y`).join("\r\n"), 431],
    [`${Array.from({ length: 150 }, (_, index) => `X-${index}: y`).join("\r\n")}\r\nOrigin: http://evil.example`, 431],
  ])("with the header %.60s are refused", async (header, code) => {
    const { socketPath } = await serve();
    const answer = await raw(
      socketPath,
      `GET ${jobs} HTTP/1.1\r\nHost: homie\r\nConnection: close\r\n${header}\r\n\r\n`,
    );
    expect(statusOf(answer)).toBe(code);
    expect(answer.toLowerCase()).not.toContain("access-control");
  });

  test.each([
    ["evil.example", 403],
    ["127.0.0.1", 403],
    ["homie.evil.example", 403],
    ["localhost:5557", 200],
    ["HOMIE", 200],
  ])("for the host %s are answered %i", async (host, code) => {
    const { socketPath } = await serve();
    expect((await ask(socketPath, jobs, { headers: { host } })).code).toBe(code);
  });

  test.each([
    "/apis/../healthz",
    "/%2e%2e/healthz",
    "//healthz",
    "/apis/homie.dev/v1/jobs/a%2f..%2fb",
    "/apis/homie.dev/v1/jobs/a%00b",
    "/healthz\\x",
  ])("for the path %s are refused", async (path) => {
    const { socketPath } = await serve();
    expect(statusOf(await raw(socketPath, `GET ${path} HTTP/1.1\r\nHost: homie\r\nConnection: close\r\n\r\n`))).toBe(
      400,
    );
  });

  test.each(["Content-Length: 2000000", "Transfer-Encoding: chunked"])(
    "with a body over 1 MiB (%s) are answered 413",
    async (framing) => {
      const { socketPath } = await serve();
      const chunked = framing.startsWith("Transfer");
      const body = chunked ? `${(1_500_000).toString(16)}\r\n${"x".repeat(1_500_000)}\r\n` : "x".repeat(1_500_000);
      const head = `POST ${jobs} HTTP/1.1\r\nHost: homie\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`;
      expect(statusOf(await raw(socketPath, head + body))).toBe(413);
    },
  );

  test.each([
    ["headers", `GET ${jobs} HTTP/1.1\r\nHost: ho`],
    ["a body", `POST ${jobs} HTTP/1.1\r\nHost: homie\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{`],
  ])("that never finish %s are ended with 408", async (_what, text) => {
    const { socketPath } = await serve(openTestHome(), { headersTimeoutMs: 100, requestTimeoutMs: 200 });
    expect(statusOf(await raw(socketPath, text))).toBe(408);
  });

  test("a watch outlives the time limit for receiving requests", async () => {
    const { socketPath, home } = await serve(openTestHome({ bookmarkEveryMs: 20 }), {
      headersTimeoutMs: 50,
      requestTimeoutMs: 50,
    });
    const response = await open(socketPath, `${jobs}?watch=true&allowWatchBookmarks=true`);
    let bookmarks = 0;
    for await (const chunk of response) {
      bookmarks += String(chunk).split("\n").length - 1;
      if (bookmarks >= 15) break;
    }
    expect(bookmarks).toBeGreaterThanOrEqual(15);
    expect(home.logged).toEqual([]);
  });

  test("beyond the limit of connections are answered 503, and served again when others are gone", async () => {
    const { socketPath } = await serve(openTestHome(), { connections: 3 });
    const idle = await Promise.all(
      Array.from(
        { length: 3 },
        async () =>
          await new Promise<Socket>((resolve) => {
            const socket = connect(socketPath, () => resolve(socket));
          }),
      ),
    );
    const refused = await ask(socketPath, jobs);
    expect([refused.code, refused.headers["retry-after"], JSON.parse(refused.text).reason]).toEqual([
      503,
      "1",
      "ServiceUnavailable",
    ]);
    await Promise.all(idle.map((socket) => new Promise((resolve) => socket.on("close", resolve).destroy())));
    await expect.poll(async () => (await ask(socketPath, jobs)).code).toBe(200);
  });

  test("a watch whose reader stops reading is dropped and holds no more than its limit", async () => {
    const { socketPath, home } = await serve(openTestHome({ maxWatchLagBytes: 64 * 1024 }));
    await home.job("train");
    const socket = connect(socketPath);
    socket.write(
      `GET ${jobs}?watch=true&resourceVersion=${home.store.currentVersion()} HTTP/1.1\r\nHost: homie\r\n\r\n`,
    );
    await new Promise((resolve) => socket.once("readable", resolve));
    // Never read again: the kernel's buffers fill up, then the queue, then the watch ends with an ERROR event.
    for (let count = 0; count < 300; count += 1) {
      home.setStatus("train", { phase: "Running", message: `${count}`.padStart(4000, ".") });
      if (count % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    let answer = "";
    for await (const chunk of socket) {
      answer += String(chunk);
      if (answer.includes("\r\n0\r\n\r\n")) break;
    }
    const last = answer.split("\n").findLast((line) => line.startsWith("{"));
    expect(JSON.parse(last!)).toMatchObject({ type: "ERROR", object: { code: 410 } });
    expect(answer.length).toBeLessThan(300 * 4000);
  });
});
