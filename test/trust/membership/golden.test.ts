import { expect, test } from "vitest";
import { decodeBundle } from "../../../src/trust/membership/bundle.ts";
import { fingerprintWords } from "../../../src/trust/membership/fingerprint.ts";
import { decodeJoinRequest } from "../../../src/trust/membership/join-request.ts";
import { judgeMembership } from "../../../src/trust/membership/judge-membership.ts";
import { consentTo } from "../../../src/trust/membership/statement.ts";
import { golden1 } from "./golden.ts";
import { bob, eve, genesis, nowMs } from "./invite-kit.ts";

test("H-17: the join request and the invite of version 1 are still read, and mean what they meant", async () => {
  const request = decodeJoinRequest(golden1.request);
  expect({ name: request.name, hash: request.hash }).toMatchInlineSnapshot(`
    {
      "hash": "uOocqtdwXqYH1eRnGiW6JcRSWMXlbJiTbS53Ck3DYJA",
      "name": "eve",
    }
  `);
  const { contents, network, name, inviter } = await decodeBundle(golden1.invite, { ...golden1, request, nowMs });
  expect({ network, name }).toEqual({ network: genesis.network, name: "eve" });
  expect(contents).toMatchObject({ network_name: "crew", invited_by: bob.node, assigned_ip: eve.ip });
  expect(fingerprintWords(request, inviter).join(" ")).toMatchInlineSnapshot(`"answer faith behave hope junk company"`);
  const [first, ...chain] = [contents.genesis, ...contents.chain].map((text) => Buffer.from(text, "base64url"));
  const admit = consentTo(Buffer.from(contents.admit, "base64url"), eve.identityKey);
  const { members, refused } = judgeMembership(network, [first ?? admit, ...chain, admit]);
  expect(members.map((each) => each.name).toSorted()).toEqual(["ann", "bob", "eve"]);
  expect(refused).toEqual([]);
});

test("H-17: the id of a Genesis, by which everybody knows the network, never changes", () => {
  expect(genesis.network).toMatchInlineSnapshot(`"rNf6sw1KJoOXmMY0QxDD6MG4HOnpw7EZ63WnxxO1vSY"`);
});
