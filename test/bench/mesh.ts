import { existsSync } from "node:fs";
import { renderRows } from "../../src/daemon/bench/measure.ts";
import { whyNoLab } from "../e2e/lab/lab.ts";
import { BenchCrew } from "./mesh/bench-crew.ts";
import { measureHealing } from "./mesh/healing.ts";
import { measureJoins, measureNews } from "./mesh/joins.ts";
import { measureThroughput } from "./mesh/throughput.ts";

/**
 * The native mesh among machines of the lab, with the settings homie has without a config.yaml:
 * `node test/bench/mesh.ts [joins|news|healing|throughput ...]`. Needs root; nothing is left of it.
 */
const sections = {
  joins: measureJoins,
  news: measureNews,
  healing: measureHealing,
  throughput: measureThroughput,
} as const;
type Section = keyof typeof sections;

const isSection = (word: string): word is Section => Object.hasOwn(sections, word);

async function main(words: readonly string[]): Promise<number> {
  const unknown = words.filter((word) => !isSection(word));
  const why =
    unknown.length > 0 ? `usage: node test/bench/mesh.ts [${Object.keys(sections).join("|")} ...]` : undefined;
  const refusal = why ?? (await whyNoLab());
  if (refusal !== undefined) {
    process.stderr.write(`the mesh is not measured: ${refusal}\n`);
    return 1;
  }
  const wanted = words.length === 0 ? Object.keys(sections).filter(isSection) : words.filter(isSection);
  if (wanted.includes("throughput") && !existsSync("/usr/bin/iperf3")) {
    process.stderr.write("throughput needs iperf3 (node scripts/engine.ts install)\n");
    return 1;
  }
  const crew = await BenchCrew.open();
  // Whoever presses Ctrl-C gets the machines cleared away, and no table.
  const stop = (): void => void crew.close().then(() => process.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  try {
    for (const section of wanted) {
      const rows = await sections[section](crew);
      process.stdout.write(`\nmesh: ${section}\n${renderRows(rows)}\n`);
    }
    return 0;
  } finally {
    await crew.close();
  }
}

process.exitCode = await main(process.argv.slice(2));
