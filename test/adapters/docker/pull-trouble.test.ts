import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { isPassing, watchSilence } from "../../../src/adapters/docker/pull-trouble.ts";
import { FakeClock } from "../../support/fake-clock.ts";

it.each([
  ["toomanyrequests: You have reached your pull rate limit", true],
  ["received unexpected HTTP status: 503 Service Unavailable", true],
  ["error pulling image configuration: received unexpected HTTP status: 429 Too Many Requests", true],
  ["net/http: TLS handshake timeout", true],
  ["read tcp 10.0.0.1:443: i/o timeout", true],
  ["unexpected EOF", true],
  ["manifest for x:5 not found: manifest unknown: manifest unknown", false],
  ["pull access denied for x, repository does not exist or may require 'docker login'", false],
  ["no matching manifest for linux/amd64 in the manifest list entries", false],
  ["Get http://127.0.0.1:1/v2/: dial tcp 127.0.0.1:1: connect: connection refused", false],
  ["Get https://registry.example/v2/: dial tcp: lookup registry.example: no such host", false],
  ["image port500 with 512 bytes", false],
])("F-09: another try may help, or not: %s", (message, expected) => {
  expect(isPassing(message)).toBe(expected);
});

it("F-09: a pull of which nothing is heard for two minutes is ended, and every word counts", async () => {
  const clock = new FakeClock();
  await using silence = watchSilence(clock, new AbortController().signal);
  const words = (async function* () {
    await clock.advance(100_000);
    yield Buffer.from("a");
    await clock.advance(100_000);
    yield Buffer.from("b");
  })();
  const heard: string[] = [];
  for await (const word of silence.hear(words as never)) heard.push(String(word));
  expect([heard, silence.signal.aborted]).toEqual([["a", "b"], false]);
  await clock.advance(120_000);
  await turn();
  expect(silence.signal.aborted).toBe(true);
  expect(isPassing(silence.message)).toBe(true);
});

it("whoever gives a pull up ends it, and nothing watches on", async () => {
  const outer = new AbortController();
  await using silence = watchSilence(new FakeClock(), outer.signal);
  outer.abort();
  expect(silence.signal.aborted).toBe(true);
});
