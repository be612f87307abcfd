import { expect, onTestFinished, test } from "vitest";
import { formatEndpoint, type Endpoint } from "../../src/adapters/tls/endpoint.ts";
import { CrewDialer, parseEndpoints } from "../../src/daemon/crew-dialer.ts";
import { FakeClock } from "../support/fake-clock.ts";

const [friend, gone] = ["a".repeat(25), "b".repeat(25)];

test("G-02, G-08, G-14: on somebody's word nobody is dialled who is out, and no place where no peer can be", () => {
  const dialled: string[] = [];
  const dialler = new CrewDialer({
    ...{ clock: new FakeClock(), random: () => 0.5, signal: new AbortController().signal },
    wanted: () => [{ key: `node/${gone}`, endpoints: parseEndpoints(["203.0.113.7:5556"], 5556), expected: gone }],
    isLinked: () => false,
    isBarred: (node) => node === gone,
    ownAddresses: () => new Set(["203.0.113.1", "172.17.0.1"]),
    dial: (endpoint: Endpoint) => {
      dialled.push(formatEndpoint(endpoint));
      return new Promise(() => undefined);
    },
  });
  onTestFinished(() => dialler.stop());
  const hint = (node: string, ...places: readonly string[]): void => dialler.hint(node, parseEndpoints(places, 5556));
  hint(gone, "203.0.113.8:5556");
  hint(friend, "127.0.0.1:5556", "0.0.0.0:5556", "224.0.0.1:5556", "172.17.0.1:5556", "203.0.113.1:5556");
  hint(friend, "203.0.113.9:22", "203.0.113.9:0", "203.0.113.9:70000", "mail.example.net:5556");
  dialler.poke();
  expect(dialled).toEqual([]);
  hint(friend, "203.0.113.9:5556");
  expect(dialled).toEqual(["203.0.113.9:5556"]);
});
