import { mkdirSync } from "node:fs";
import { upTo, writeJobs } from "./support/many-files.ts";
mkdirSync("/tmp/h1/desired/jobs", { recursive: true, mode: 0o700 });
writeJobs("/tmp/h1/desired", upTo(10000), "first");
