import { userInfo } from "node:os";
import { resolve } from "node:path";
import { homePaths } from "../adapters/home.ts";
import type { HomePaths } from "../adapters/home.ts";
import { HomieError } from "../resources/errors.ts";
import { createClient } from "./client.ts";
import type { Client } from "./client.ts";
import { connectAny, connectDaemon } from "./connect.ts";
import type { Terminal } from "./terminal.ts";
import type { Composition } from "./transport.ts";

/** What main.ts gives to the command line. */
export interface CliWorld {
  readonly terminal: Terminal;
  readonly composition: () => Promise<Composition>;
  /** Absolute path of main.ts or main.js, for starting a daemon. */
  readonly mainFile: string;
}

/** What a command works with. */
export interface CommandContext extends CliWorld {
  /** Absolute. */
  readonly home: string;
  readonly paths: HomePaths;
  /** Runs the work with a client and closes it. `daemon`: only a running daemon will do. */
  withClient<T>(need: "daemon" | "any", work: (client: Client) => Promise<T>): Promise<T>;
}

export function createContext(world: CliWorld, givenHome: string | undefined): CommandContext {
  const home = chooseHome(world.terminal, givenHome);
  const paths = homePaths(home);
  return {
    ...world,
    home,
    paths,
    withClient: async (need, work) => {
      const transport =
        need === "daemon"
          ? await connectDaemon(paths.socket)
          : await connectAny({ ...world, home, socketPath: paths.socket });
      const client = createClient(transport, world.terminal.interrupt);
      try {
        return await work(client);
      } finally {
        await client.close();
      }
    },
  };
}

/** --home, then HOMIE_HOME, then ~/.homie. Throws HomieError Usage when none is known. */
function chooseHome(terminal: Terminal, given: string | undefined): string {
  const named = given ?? terminal.env["HOMIE_HOME"];
  if (named !== undefined && named !== "") return resolve(terminal.directory, named);
  const user = terminal.env["HOME"] || homeFromSystem(terminal);
  if (user !== undefined && user !== "") return resolve(user, ".homie");
  throw new HomieError("Usage", "cannot tell where homie's files are: HOME is not set", {
    hint: "set HOMIE_HOME or give --home DIR",
  });
}

function homeFromSystem(terminal: Terminal): string | undefined {
  try {
    return terminal.env["USERPROFILE"] ?? userInfo().homedir;
  } catch {
    return undefined; // no entry in the user database: the caller says what to do
  }
}
