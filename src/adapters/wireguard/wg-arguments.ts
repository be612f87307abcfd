import type { WireGuardAction } from "./plan-changes.ts";

/** Linux takes 2 MiB in all arguments, and less where the stack is limited (execve(2)). */
const maxBytes = 256 * 1024;

/**
 * The actions as argument vectors for `wg`: one command, more only when it would be too long. `keyFile` is where the private
 * key is read from.
 */
export function renderWgArguments(
  name: string,
  actions: readonly WireGuardAction[],
  keyFile: string,
): readonly (readonly string[])[] {
  const commands: string[][] = [];
  let [command, bytes]: [string[], number] = [[], 0];
  for (const action of actions) {
    const words = wordsFor(action, keyFile);
    const length = words.reduce((sum, word) => sum + word.length + 9, 0);
    if (commands.length === 0 || bytes + length > maxBytes) {
      [command, bytes] = [["set", name], 0];
      commands.push(command);
    }
    command.push(...words);
    bytes += length;
  }
  return commands;
}

function wordsFor(action: WireGuardAction, keyFile: string): readonly string[] {
  switch (action.kind) {
    case "set-private-key":
      return ["private-key", keyFile];
    case "set-listen-port":
      return ["listen-port", String(action.listenPort)];
    case "add-peer": {
      const { publicKey, allowedIps, endpoint, keepaliveSeconds } = action.peer;
      const where = endpoint === undefined ? [] : ["endpoint", endpoint];
      const keepalive = keepaliveSeconds === undefined ? [] : ["persistent-keepalive", String(keepaliveSeconds)];
      return ["peer", publicKey, ...where, ...keepalive, "allowed-ips", allowedIps.join(",")];
    }
    case "set-allowed-ips":
      return ["peer", action.publicKey, "allowed-ips", action.allowedIps.join(",")];
    case "set-endpoint":
      return ["peer", action.publicKey, "endpoint", action.endpoint];
    case "set-keepalive":
      return ["peer", action.publicKey, "persistent-keepalive", String(action.keepaliveSeconds)];
    case "clear-preshared-key":
      return ["peer", action.publicKey, "preshared-key", "/dev/null"];
    case "remove-peer":
      return ["peer", action.publicKey, "remove"];
  }
}
