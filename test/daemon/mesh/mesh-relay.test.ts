import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { MeshRelay } from "../../../src/daemon/mesh/mesh-relay.ts";
import { testLog } from "../../store/store-fixture.ts";

/** On a machine whose tools refuse everything, as they do for a daemon without rights. */
function relayWithoutRights(hasInterface: boolean): MeshRelay {
  const bin = mkdtempSync(join(tmpdir(), "homie-mesh-"));
  onTestFinished(() => rmSync(bin, { recursive: true, force: true }));
  for (const tool of ["nft", "iptables", "ip6tables"])
    writeFileSync(join(bin, tool), "#!/bin/sh\necho 'Operation not permitted (you must be root)' >&2\nexit 1\n", {
      mode: 0o755,
    });
  vi.stubEnv("PATH", `${bin}:${process.env["PATH"] ?? ""}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return new MeshRelay({
    interfaceName: () => "homie7",
    log: testLog(),
    hasInterface: () => Promise.resolve(hasInterface),
    onChange: () => undefined,
  });
}

test("without rights and without an interface there is nothing to take back", async () => {
  const relay = relayWithoutRights(false);
  await relay.remove();
  expect(relay.outcome).toEqual({ active: false });
});

test("without rights, rules that an earlier daemon may have made are not taken for gone", async () => {
  await expect(relayWithoutRights(true).remove()).rejects.toMatchObject({
    code: "MeshUnavailable",
    message: expect.stringContaining("needs root"),
  });
});
