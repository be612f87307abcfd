import { createRequire } from "node:module";
import type Docker from "dockerode";

const require = createRequire(import.meta.url);

/**
 * Parts of the client that homie never uses but that are loaded with it: BuildKit sessions over gRPC, and engines
 * over ssh. Left out, a daemon is 20 MiB smaller. Whoever calls one all the same gets an error, not a wrong answer.
 */
function leaveOut(from: NodeJS.Require, path: string): void {
  const filename = from.resolve(path);
  const refuse = (): never => {
    throw new Error(`${path} is left out of homie`);
  };
  from.cache[filename] ??= { ...module(filename), exports: refuse };
}

function module(filename: string): NodeJS.Module {
  return {
    id: filename,
    filename,
    path: filename,
    loaded: true,
    exports: undefined,
    children: [],
    parent: undefined,
    paths: [],
    isPreloading: false,
    require,
  };
}

leaveOut(require, "dockerode/lib/session.js");
leaveOut(createRequire(require.resolve("dockerode")), "docker-modem/lib/ssh.js");

/** The client's class, loaded without what `leaveOut` names. */
export const DockerClient: typeof Docker = require("dockerode") as typeof Docker;
