import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { root, runNode, tools } from "./steps.ts";

/**
 * Makes dist/ from src/ and links node_modules/.bin/homie, so that `npx homie` works in a checkout without a download.
 * Types are the business of `npm run check`: a type error does not stop a build. Silent when all is well.
 */
async function build(): Promise<void> {
  // Built beside and swapped in, so that a homie started meanwhile never sees half of it.
  const fresh = join(root, `dist.${process.pid}.tmp`);
  try {
    await compile(fresh);
    copyAssets(fresh);
    rmSync(join(root, "dist"), { recursive: true, force: true });
    renameSync(fresh, join(root, "dist"));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  linkCommand();
}

async function compile(outDir: string): Promise<void> {
  const argv = [tools.tsc, "-p", "tsconfig.build.json", "--outDir", outDir, "--noEmitOnError", "false"];
  const outcome = await runNode({ argv, signal: new AbortController().signal });
  if (!outcome.ok && !existsSync(join(outDir, "main.js"))) {
    throw new Error(`tsc wrote no dist/main.js\n${outcome.output.trim()}`);
  }
  if (!outcome.ok) console.error("built, but the types do not check: see `npm run check`");
}

/** What src/ reads beside its own code: JSON, and JavaScript that is generated rather than compiled. */
function copyAssets(outDir: string): void {
  for (const path of globSync("**/*.{json,js,sql}", { cwd: join(root, "src") })) {
    const to = join(outDir, path);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(join(root, "src", path), to);
  }
}

function linkCommand(): void {
  const link = join(root, "node_modules", ".bin", "homie");
  chmodSync(join(root, "bin", "homie.js"), 0o755);
  mkdirSync(dirname(link), { recursive: true });
  if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) rmSync(link);
  symlinkSync(join("..", "..", "bin", "homie.js"), link);
}

try {
  await build();
} catch (error) {
  console.error(`homie: build failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
