import { listPath } from "../client.ts";
import type { Client } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { HomieError } from "../../resources/errors.ts";
import { findKind, parseTargets } from "../kinds.ts";
import { describeObject } from "../render/describe.ts";
import type { ApiEvent } from "../render/describe.ts";
import type { ApiObject } from "../render/objects.ts";

export async function runDescribe(
  context: CommandContext,
  words: readonly string[],
  options: { readonly selector?: string },
): Promise<number> {
  const targets = parseTargets(words);
  if (targets.length === 0)
    throw new HomieError("Usage", "describe what?", { hint: "for example `homie describe job train`" });
  return await context.withClient("any", async (client) => {
    let printed = 0;
    for (const { kind, name } of targets) {
      const found =
        name === undefined
          ? (await client.list(kind, { labelSelector: options.selector })).items
          : [await client.get(kind, name)];
      for (const item of found) {
        const object: ApiObject = { apiVersion: "homie.dev/v1", kind: kind.kind, ...item };
        const events = await listEvents(client, object);
        await context.terminal.output.write(
          (printed > 0 ? "\n\n" : "") + describeObject(object, events, context.terminal.now()),
        );
        printed += 1;
      }
    }
    if (printed === 0) await context.terminal.errors.write("nothing found\n");
    return 0;
  });
}

async function listEvents(client: Client, object: ApiObject): Promise<readonly ApiEvent[]> {
  const fieldSelector = `involvedObject.kind=${object.kind ?? ""},involvedObject.name=${object.metadata.name}`;
  const { items } = await client.call<{ readonly items: readonly ApiEvent[] }>({
    path: listPath(findKind("events"), { fieldSelector }),
  });
  return items;
}
