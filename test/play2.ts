import { mkdirSync, writeFileSync } from "node:fs";
import { commitSwap, upTo, writeJobs } from "./support/many-files.ts";
const home = "/tmp/h2";
mkdirSync(home + "/desired/jobs", { recursive: true, mode: 0o700 });
writeJobs(home + "/desired", upTo(10000), "first");
commitSwap(
  home + "/desired",
  upTo(5000).map((i) => i * 2),
  "second",
);
writeFileSync(home + "/config.yaml", "mirror_status: false\n");
