import { HomieError } from "../resources/errors.ts";
import { showValue } from "../resources/show-value.ts";

/** An archive that breaks a rule; the name is quoted so that a hostile one stays inert in messages. */
export function rejected(entry: string, rule: string): HomieError {
  return new HomieError("TarRejected", messageOf(entry, rule), {
    hint: "the archive is damaged or was not made by homie or the container engine",
  });
}

/** An archive that may be honest but is more than the reader was told to take. */
export function overLimit(entry: string, rule: string): HomieError {
  return new HomieError("TooLarge", messageOf(entry, rule));
}

function messageOf(entry: string, rule: string): string {
  return `archive entry ${showValue(entry)} is refused: ${rule}`;
}
