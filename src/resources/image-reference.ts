import { withoutUndefined } from "./without-undefined.ts";

/** A Docker image reference in its parts; a digest, where given, decides which image it is. */
export interface ImageReference {
  /** Registry host with port, if the reference names one: "localhost:5000". */
  readonly domain?: string;
  /** "library/python" without domain, tag and digest. */
  readonly repository: string;
  readonly tag?: string;
  /** "sha256:…" */
  readonly digest?: string;
}
export type ImageReferenceOutcome =
  | { readonly ok: true; readonly reference: ImageReference }
  | { readonly ok: false; readonly message: string };

// Grammar: https://pkg.go.dev/github.com/distribution/reference. Each expression is run on one short part.
const nameSeparators = /\.|__?|-+/;
const nameWord = /^[a-z0-9]+$/;
const tagPart = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const digestPart = /^sha256:[0-9a-f]{64}$/;

export function parseImageReference(text: string): ImageReferenceOutcome {
  const unlike = unlikeAnyReference(text);
  if (unlike !== undefined) return refused(unlike);
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !digestPart.test(digest)) {
    return refused("has a digest that is not sha256: and 64 hexadecimal digits");
  }
  const tagged = at < 0 ? text : text.slice(0, at);
  const colon = tagged.lastIndexOf(":");
  // A colon before a slash belongs to the registry's port.
  const hasTag = colon > tagged.lastIndexOf("/");
  const tag = hasTag ? tagged.slice(colon + 1) : undefined;
  if (tag !== undefined && !tagPart.test(tag)) return refused("has a tag with characters that no tag can have");
  const parts = splitName(hasTag ? tagged.slice(0, colon) : tagged);
  const problem = nameProblem(parts);
  if (problem !== undefined) return refused(problem);
  return { ok: true, reference: withoutUndefined({ ...parts, tag, digest }) };
}

/** Names the mistakes people make. */
function unlikeAnyReference(text: string): string | undefined {
  if (text.length > 512) return "is longer than 512 characters";
  if (/\s/.test(text)) return "has a space in it";
  if (text.startsWith("-")) return "starts with a hyphen, as an option does";
  return text.includes("://") ? "is a URL; leave out the part up to ://" : undefined;
}

/** The part before the first slash is a registry only if it looks like a host: a dot, a port, capitals, or localhost. */
function splitName(name: string): { readonly domain?: string; readonly repository: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(0, slash));
  const isDomain = slash > 0 && (/[.:A-Z]/.test(first) || first === "localhost");
  return isDomain ? { domain: first, repository: name.slice(slash + 1) } : { repository: name };
}

function nameProblem({ domain, repository }: { domain?: string; repository: string }): string | undefined {
  if (domain !== undefined && (domain.length > 259 || !isDomain(domain)))
    return "names a registry that is no host name";
  if (repository === "") return "has no repository name";
  if (/[A-Z]/.test(repository)) return "has capital letters in its repository name";
  const sound = repository
    .split("/")
    .every((component) => component.split(nameSeparators).every((word) => nameWord.test(word)));
  return sound ? undefined : "is not a Docker image reference";
}

function isDomain(domain: string): boolean {
  const [host = "", port, ...more] = domain.split(":");
  if (more.length > 0 || (port !== undefined && !/^[0-9]{1,5}$/.test(port))) return false;
  return host
    .split(".")
    .every((label) => /^[A-Za-z0-9-]{1,63}$/.test(label) && !label.startsWith("-") && !label.endsWith("-"));
}

function refused(message: string): ImageReferenceOutcome {
  return { ok: false, message };
}
