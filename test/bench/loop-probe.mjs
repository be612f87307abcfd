import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

/**
 * Runs inside a daemon that is measured: at each SIGUSR2 it writes what its event loop's delay was since the one before, in
 * milliseconds, into the file that HOMIE_BENCH_LOOP names.
 */
const resolution = 5;
const delay = monitorEventLoopDelay({ resolution });
delay.enable();
const milliseconds = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - resolution);
process.on("SIGUSR2", () => {
  const seen = { p99: milliseconds(delay.percentile(99)), max: milliseconds(delay.max) };
  delay.reset();
  writeFileSync(process.env.HOMIE_BENCH_LOOP, JSON.stringify(seen));
});
