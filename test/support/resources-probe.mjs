import { writeFileSync } from "node:fs";

// Loaded into a daemon by `--import`: at SIGUSR2 it writes down what keeps the event loop busy, by kind.
process.on("SIGUSR2", () => {
  const counts = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  writeFileSync(process.env.HOMIE_TEST_PROBE, JSON.stringify(counts));
});
