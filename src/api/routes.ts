import { TrieRouter } from "hono/router/trie-router";
import type { Answer, Call, Request, Responder } from "./http.ts";

/** Which responder answers which path. */
export interface Routes {
  /** A path as in `/jobs/:name`; a name stands for one segment, which is not empty. */
  add(path: string, responder: Responder): void;
  answer(call: Call): Promise<Answer>;
}

/** `unknown` answers what no path was added for. */
export function createRoutes(unknown: Responder): Routes {
  const router = new TrieRouter<Responder>();
  return {
    add: (path, responder) => router.add("ALL", path, responder),
    async answer(call) {
      const { pathname: path, searchParams: parameters } = new URL(call.target, "http://homie");
      // Encoded, so that a slash inside a name does not part it.
      const [[found]] = router.match(call.method, path);
      const names = Object.entries(found?.[1] ?? {}).map(([name, value]) => [name, decoded(String(value))] as const);
      const request: Request = { ...call, path, parameters, names: Object.fromEntries(names) };
      return await (found?.[0] ?? unknown)(request);
    },
  };
}

/** What is no valid encoding stays as it is, and so names nothing. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
