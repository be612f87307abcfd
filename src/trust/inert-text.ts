/**
 * Text of another machine, for terminals, logs and status: no control or formatting characters, nothing that changes the
 * direction of what is read.
 */
export function inertText(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "\ufffd");
}
