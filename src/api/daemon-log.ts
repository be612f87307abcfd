import type { ApiContext } from "./context.ts";
import { queryOf } from "./context.ts";
import { plainText } from "./http.ts";
import type { Responder } from "./http.ts";
import { StatusFailure } from "./status-error.ts";

const defaultLines = 200;
const maxLines = 10_000;

/** GET /homie/v1/logs: the last lines of the daemon's own log. */
export function daemonLogResponder(api: ApiContext): Responder {
  return async (request) => {
    const lines = Math.min(queryOf(request).count("tailLines") ?? defaultLines, maxLines);
    const text = await api.options.readDaemonLog?.(lines);
    if (text === undefined) throw new StatusFailure(404, "NotFound", "the daemon writes no log file");
    return plainText(text);
  };
}
