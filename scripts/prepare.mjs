// Runs after `npm install`, possibly by a Node that is much too old for homie: old syntax only, nothing but built-ins.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const neededMajor = 24;
const root = join(dirname(fileURLToPath(import.meta.url)), "..");

function fail(message) {
  console.error("homie: not built: " + message);
  process.exit(1);
}

/** This Node if it is new enough, else the one that comes as a devDependency. */
function findNode() {
  if (Number(process.versions.node.split(".")[0]) >= neededMajor) return process.execPath;
  const bundled = join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(bundled)) return bundled;
  return undefined;
}

// `npm ci --omit=dev` has no compiler; that is fine where dist/ came along.
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
if (!existsSync(compiler)) {
  if (existsSync(join(root, "dist", "main.js"))) process.exit(0);
  fail("there is no dist/ and no TypeScript to make it; install the devDependencies too (without --omit=dev)");
}
const node = findNode();
if (node === undefined) {
  fail(
    "Node " + neededMajor + " or newer is needed, this is " + process.version + "; see https://nodejs.org/en/download",
  );
}
const build = spawnSync(node, [join(root, "scripts", "build.ts")], { cwd: root, stdio: "inherit" });
if (build.error) fail("cannot run " + node + ": " + build.error.message);
if (build.status !== 0) fail("scripts/build.ts ended with " + (build.signal || "exit code " + build.status));
