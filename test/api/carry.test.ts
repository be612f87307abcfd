import { connect } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Api } from "../../src/api/http.ts";
import { serveApi } from "../../src/api/serve.ts";
import { ask, open, raw, serve, silent, socketDirectory } from "./socket.ts";
import { jobs, openTestHome } from "./support.ts";
import type { TestHome } from "./support.ts";

/** A home that knows how many watches are open. */
function countingHome(): { readonly home: TestHome; readonly open: () => number } {
  let open = 0;
  const home = openTestHome();
  const subscribe = home.store.subscribe.bind(home.store);
  home.store.subscribe = (...parameters) => {
    const subscription = subscribe(...parameters);
    if (subscription === "expired") return subscription;
    open += 1;
    return {
      [Symbol.dispose]() {
        open -= 1;
        subscription[Symbol.dispose]();
      },
    };
  };
  return { home, open: () => open };
}

test("an answer that HTTP has no way to say ends the connection and nothing else", async () => {
  const socketPath = join(socketDirectory(), "homie.sock");
  const logged: string[] = [];
  const api: Api = {
    answer: ({ target }) =>
      Promise.resolve({ code: 200, headers: { "x-said": target === "/bad" ? "a\nb" : "fine" }, body: "ok" }),
  };
  const log = { ...silent, error: (message: string) => void logged.push(message) };
  const server = await serveApi({ api, socketPath, signal: new AbortController().signal, log });
  onTestFinished(async () => await server.close());
  await expect(ask(socketPath, "/bad")).rejects.toThrow();
  expect((await ask(socketPath, "/good")).headers["x-said"]).toBe("fine");
  expect(logged).toEqual(["an answer could not be sent"]);
});

test("HEAD is answered as GET, without the body", async () => {
  const { socketPath, home } = await serve();
  await home.job("train");
  const [got, head] = [await ask(socketPath, jobs), await ask(socketPath, jobs, { method: "HEAD" })];
  expect([head.code, head.text]).toEqual([200, ""]);
  expect(head.headers["content-length"]).toBe(String(Buffer.byteLength(got.text)));
  expect(head.headers["content-type"]).toBe("application/json");
});

test("a watch is let go of when its reader goes, and at once when only its head was asked for", async () => {
  const { home, open: following } = countingHome();
  const { socketPath } = await serve(home);
  const response = await open(socketPath, `${jobs}?watch=true`);
  expect(following()).toBe(1);
  response.destroy();
  await expect.poll(following).toBe(0);
  expect((await ask(socketPath, `${jobs}?watch=true`, { method: "HEAD" })).code).toBe(200);
  expect(following()).toBe(0);
});

test("a body that nobody wanted does not stand in the way of the next request", async () => {
  const { socketPath } = await serve();
  const first = "POST /version HTTP/1.1\r\nHost: homie\r\nContent-Length: 5\r\n\r\nhello";
  const second = "GET /healthz HTTP/1.1\r\nHost: homie\r\nConnection: close\r\n\r\n";
  const answers = await raw(socketPath, first + second);
  expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 405", "HTTP/1.1 200"]);
  expect(answers.endsWith("ok")).toBe(true);
});

test("a body that breaks off is no mistake of the daemon's", async () => {
  const { socketPath, home } = await serve();
  const socket = connect(socketPath);
  socket.write(`POST ${jobs} HTTP/1.1\r\nHost: homie\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.destroy();
  expect((await ask(socketPath, "/healthz")).text).toBe("ok");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(home.logged).toEqual([]);
});

test("clients that hang up at any byte of any request leave nothing open and nothing to log", async () => {
  const { home, open: following } = countingHome();
  const job = await home.job("train");
  const attempt = home.attempt(job, 1, { phase: "Running" });
  home.logs.write(attempt, "stdout", "x".repeat(100_000));
  const { socketPath } = await serve(home);
  const manifest = JSON.stringify({ ...job, metadata: { name: "other" } });
  const requests = [
    `GET ${jobs}?watch=true HTTP/1.1\r\nHost: homie\r\n\r\n`,
    `GET ${jobs}/train/log?follow=true HTTP/1.1\r\nHost: homie\r\n\r\n`,
    `POST ${jobs}?dryRun=All HTTP/1.1\r\nHost: homie\r\nContent-Type: application/json\r\nContent-Length: ${manifest.length}\r\n\r\n${manifest}`,
    `POST /version HTTP/1.1\r\nHost: homie\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  ];
  const hangUp = async (text: string, bytes: number): Promise<void> => {
    const socket = connect(socketPath).on("error", () => undefined);
    await new Promise((resolve) => socket.write(text.slice(0, bytes), resolve));
    if (bytes % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
  };
  for (const text of requests)
    for (let bytes = text.length; bytes > 0; bytes -= bytes % 40 === 0 ? 1 : 7) await hangUp(text, bytes);
  await expect.poll(following).toBe(0);
  await expect.poll(() => home.logs.reading.size).toBe(0);
  expect((await ask(socketPath, "/healthz")).text).toBe("ok");
  expect(home.logged).toEqual([]);
});
