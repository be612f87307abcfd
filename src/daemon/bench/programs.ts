import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Runs to its end; throws with what it wrote to stderr when that is a bad one. */
export function runProgram(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: ["ignore", "ignore", "pipe"] });
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ${args.join(" ")} exits with ${code}: ${text.trim()}`));
    });
  });
}

/** Arguments of a `docker run` with the settings of homie's own container, as far as the command line can say them. */
export function hardenedRun(image: string, command: readonly string[]): readonly string[] {
  const seccomp = fileURLToPath(new URL("../../adapters/docker/seccomp.json", import.meta.url));
  return [
    "run",
    "--rm",
    "--pull=never",
    "--network=none",
    "--user=65532:65532",
    "--cap-drop=ALL",
    "--read-only",
    "--init",
    "--security-opt=no-new-privileges:true",
    `--security-opt=seccomp=${seccomp}`,
    "--pids-limit=512",
    "--cpus=1",
    "--memory=512m",
    "--memory-swap=512m",
    "--tmpfs=/tmp:rw,exec,nosuid,nodev,size=256m,mode=1777",
    "--mount=type=volume,target=/work,volume-nocopy",
    "--workdir=/work/job",
    "--entrypoint=",
    image,
    ...command,
  ];
}
