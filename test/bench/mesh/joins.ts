import { callApi } from "../../../src/daemon/bench/api.ts";
import { quantile, type Row } from "../../../src/daemon/bench/measure.ts";
import type { Invite, JoinRequestReport } from "../../../src/resources/network-report.ts";
import type { LabHost } from "../../e2e/lab/host.ts";
import type { BenchCrew } from "./bench-crew.ts";

const joins = 20;
const newcomers = 10;
const joiner = "nina";
const others = ["vivek", "wilma", "raj", "priya", "alex"];

/** Behind a NAT, with the one who invited switched off: from the command's start to the first answer of another member. */
export async function measureJoins(crew: BenchCrew): Promise<readonly Row[]> {
  const [first, command]: [number[], number[]] = [[], []];
  await crew.gather("wilma");
  const member = await crew.addressOf("vivek");
  for (let count = 0; count < joins; count += 1) {
    const [wilma, nina] = [crew.at("wilma"), crew.at(joiner)];
    const { bundle } = await inviteFresh(crew, "wilma");
    await wilma.crash();
    const fromMs = performance.now();
    const joined = join(nina, bundle).then(() => performance.now());
    const pinged = crew.pingsBack(joiner, member).then(() => performance.now());
    const [joinedMs, pingedMs] = await Promise.all([joined, pinged]);
    command.push(joinedMs - fromMs);
    first.push(pingedMs - fromMs);
    await leave(nina);
    await wilma.powerOn();
    await wilma.up();
    await crew.until("wilma is back", async () => (await crew.peerOf("vivek", "wilma"))?.status === "Online");
  }
  return [
    ...rowsOf("join, inviter off: command's start to the first ping of another member", first, "p95 <= 3 s"),
    ...rowsOf("of that, the command", command, ""),
  ];
}

/** From the end of the command to five others' reports that have the new one; asked over their sockets. */
export async function measureNews(crew: BenchCrew): Promise<readonly Row[]> {
  const [listed, online, invited]: [number[], number[], number[]] = [[], [], []];
  await crew.gather(...others.slice(1));
  for (let count = 0; count < newcomers; count += 1) {
    const nina = crew.at(joiner);
    const { bundle, node } = await inviteFresh(crew, "wilma");
    const invitedMs = performance.now();
    const sees = async (isSo: (status: string) => boolean): Promise<number> => {
      await Promise.all(
        others.map((name) =>
          crew.until(`${name} knows ${joiner}`, async () => {
            const peer = (await crew.report(name)).peers.find((each) => each.node === node);
            return peer !== undefined && isSo(peer.status);
          }),
        ),
      );
      return performance.now();
    };
    const all = sees(() => true);
    await join(nina, bundle);
    const joinedMs = performance.now();
    const onlineMs = await sees((status) => status === "Online");
    const listedMs = await all;
    invited.push(listedMs - invitedMs);
    listed.push(Math.max(0, listedMs - joinedMs));
    online.push(onlineMs - joinedMs);
    await leave(nina);
  }
  return [
    ...rowsOf("a new member, from its join to the lists of 5 others", listed, "<= 2 s"),
    ...rowsOf("the same, from the invite", invited, ""),
    ...rowsOf("the same, from its join to Online with all 5", online, ""),
  ];
}

/** For a machine that is in no network. */
async function inviteFresh(crew: BenchCrew, inviter: string): Promise<Invite> {
  await crew.at(joiner).up();
  const ask = (name: string, what: string, body: object): Promise<unknown> =>
    callApi(crew.socket(name), "POST", `/homie/v1/network/${what}`, body);
  const { request } = (await ask(joiner, "request", {})) as JoinRequestReport;
  return (await ask(inviter, "invite", { request, name: joiner })) as Invite;
}

async function join(host: LabHost, bundle: string): Promise<void> {
  await host.cli.ok(["network", "join", "--bundle", "-", "--yes"], { input: bundle });
}

/** Its keys are spent with that; the next start makes others. */
async function leave(host: LabHost): Promise<void> {
  await host.cli.ok(["network", "leave", "--yes"]);
  await host.down();
}

function rowsOf(what: string, all: readonly number[], budget: string): readonly Row[] {
  const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
  const [p50, p95] = [quantile(all, 0.5), quantile(all, 0.95)].map(seconds);
  return [{ what, value: `p50 ${p50}, p95 ${p95} (${all.length})`, baseline: "", ratio: "", budget }];
}
