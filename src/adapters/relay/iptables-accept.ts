/**
 * Changes of what `iptables -S` lists, as argument vectors, that let packets of the mesh through FORWARD where anybody else has a word there:
 * Docker sets its policy to DROP, others end it with a REJECT. Members and cap are judged by our own table, which comes
 * first. Docker calls DOCKER-USER before its own rules and leaves it alone
 * (https://docs.docker.com/engine/network/packet-filtering-firewalls/), so ours goes there, to the front.
 */
export function planAccept(interfaceName: string, wanted: boolean, listing: string): readonly (readonly string[])[] {
  const mark = `homie-relay-${interfaceName}`;
  const rule = ["-i", interfaceName, "-o", interfaceName, "-m", "comment", "--comment", mark, "-j", "ACCEPT"];
  const lines = listing.replaceAll('"', "").split("\n");
  const rulesOf = (chain: string): readonly string[] => lines.filter((line) => line.startsWith(`-A ${chain} `));
  const rules = { FORWARD: rulesOf("FORWARD"), "DOCKER-USER": rulesOf("DOCKER-USER") };
  const isOurs = (line: string): boolean => line.split(" ").includes(mark);
  const isQuiet = lines.includes("-P FORWARD ACCEPT") && rules.FORWARD.every(isOurs);
  const isCalled = rules.FORWARD.includes("-A FORWARD -j DOCKER-USER");
  const place = isCalled ? "DOCKER-USER" : isQuiet ? undefined : "FORWARD";
  return (["FORWARD", "DOCKER-USER"] as const).flatMap((chain) => {
    const belongs = wanted && chain === place;
    const [first] = rules[chain];
    const ours = rules[chain].filter(isOurs);
    if (belongs && first === ["-A", chain, ...rule].join(" ") && ours.length === 1) return [];
    // By their words, never by their number, which is another one's as soon as Docker inserts a rule.
    const deletions = ours.map((line) => line.split(" ").with(0, "-D"));
    return belongs ? [...deletions, ["-I", chain, "1", ...rule]] : deletions;
  });
}
