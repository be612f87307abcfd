import { HomieError } from "../resources/errors.ts";
import { kinds as registry, type KindEntry } from "../resources/kinds.ts";
import { suggest } from "../resources/suggest.ts";

/** What the command line calls a kind, and where the API keeps it. */
export interface KindWords {
  readonly kind: string;
  readonly plural: string;
  readonly aliases: readonly string[];
  readonly path: string;
  /** People may declare it (apply, edit, delete). */
  readonly isDeclared: boolean;
}

const events: KindWords = {
  kind: "Event",
  plural: "events",
  aliases: ["event", "ev"],
  path: "/api/v1/events",
  isDeclared: false,
};

/** What the registry knows, and events, which Kubernetes keeps in a group of their own. */
export const kinds: readonly KindWords[] = [...registry.map(wordsOf), events];

function wordsOf({ kind, plural, singular, shortNames, declared }: KindEntry): KindWords {
  return {
    kind,
    plural,
    aliases: [singular, ...shortNames],
    path: `/apis/homie.dev/v1/${plural}`,
    isDeclared: declared,
  };
}

/** Throws HomieError Usage with the nearest word. */
export function findKind(word: string): KindWords {
  const wanted = word.toLowerCase().replace(/\.homie\.dev$/u, "");
  const found = kinds.find((one) => one.plural === wanted || one.aliases.includes(wanted));
  if (found !== undefined) return found;
  const near = suggest(
    wanted,
    kinds.flatMap((one) => [one.plural, ...one.aliases]),
  );
  throw new HomieError("Usage", `there is no kind ${JSON.stringify(word)}`, {
    hint: near === undefined ? `kinds are ${kinds.map((one) => one.plural).join(", ")}` : `did you mean ${near}?`,
  });
}

export interface Target {
  readonly kind: KindWords;
  readonly name?: string;
}

/** `jobs`, `jobs,limits`, `job train other`, `job/train limits/default`: what get, describe and delete are about. */
export function parseTargets(words: readonly string[]): readonly Target[] {
  const [first, ...rest] = words;
  if (first === undefined) return [];
  if (first.includes("/")) return words.map(parseReference);
  const found = first
    .split(",")
    .filter((word) => word !== "")
    .map(findKind);
  if (rest.length === 0) return found.map((kind) => ({ kind }));
  const [kind] = found;
  if (kind === undefined || found.length > 1)
    throw new HomieError("Usage", "names can follow one kind only", { hint: "write job/NAME limits/NAME" });
  return rest.map((name) => ({ kind, name: checkName(name) }));
}

/** Throws HomieError Usage unless the word is KIND/NAME. */
export function parseReference(word: string): Target & { readonly name: string } {
  const [kind = "", name = "", ...more] = word.split("/");
  if (kind === "" || name === "" || more.length > 0) {
    throw new HomieError("Usage", `${JSON.stringify(word)} is not KIND/NAME`, { hint: "for example job/train" });
  }
  return { kind: findKind(kind), name: checkName(name) };
}

/** `job/train` or just `train`. Throws HomieError Usage for another kind. */
export function parseJobName(word: string): string {
  if (!word.includes("/")) return checkName(word);
  const target = parseReference(word);
  if (target.kind.kind !== "Job")
    throw new HomieError("Usage", `${JSON.stringify(word)} is not a job`, { hint: "for example job/train" });
  return target.name;
}

function checkName(name: string): string {
  // Events are named after what they are about plus a number, so dots are allowed; nothing that changes a path is.
  if (/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/u.test(name)) return name;
  throw new HomieError("Usage", `${JSON.stringify(name)} cannot be a name`, {
    hint: "names are lower-case letters, digits and hyphens, at most 63 of them",
  });
}
