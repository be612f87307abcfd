import { HomieError } from "../resources/errors.ts";

/** An archive that breaks a rule; the name is quoted so that a hostile one stays inert in messages. */
export function rejected(entry: string, rule: string): HomieError {
  const shown = entry.length > 200 ? `${entry.slice(0, 200)}...` : entry;
  return new HomieError("TarRejected", `archive entry ${JSON.stringify(shown)} is refused: ${rule}`, {
    hint: "the archive is damaged or was not made by homie or the container engine",
  });
}
