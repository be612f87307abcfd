/** What to ask a registry for. Without a tag the engine would fetch every tag of the repository. */
export interface PullRef {
  readonly fromImage: string;
  readonly tag: string;
}

const idPattern = /^(sha256:)?[0-9a-f]{64}$/;
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9._-]*(:[0-9]+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;

/** Splits `name[:tag][@digest]`; a digest wins over a tag. Undefined for image ids and for what is no image name. */
export function parsePullRef(reference: string): PullRef | undefined {
  if (idPattern.test(reference) || reference.length > 512) return undefined;
  const [named = "", digest, ...rest] = reference.split("@");
  if (rest.length > 0 || (digest !== undefined && !digestPattern.test(digest))) return undefined;
  const { name, tag } = splitTag(named);
  if (!namePattern.test(name) || (tag !== undefined && !tagPattern.test(tag))) return undefined;
  return { fromImage: name, tag: digest ?? tag ?? "latest" };
}

/** A colon after the last slash starts the tag; one before it is the registry's port. */
function splitTag(named: string): { readonly name: string; readonly tag?: string } {
  const colon = named.lastIndexOf(":");
  if (colon < 0 || colon < named.lastIndexOf("/")) return { name: named };
  return { name: named.slice(0, colon), tag: named.slice(colon + 1) };
}
