import { suggest } from "./suggest.ts";
import type { DeclaredKind, Kind } from "./types.ts";

/** How one kind is called on the command line and in API paths. */
export interface KindEntry {
  readonly kind: Kind;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** `all` is what `get all` lists. */
  readonly categories: readonly string[];
  /** True: people write it into desired/. False: the daemon writes it, people only read. */
  readonly declared: boolean;
  readonly listKind: string;
}

export const kinds: readonly KindEntry[] = [
  entry("Job", { plural: "jobs", shortNames: ["j"], categories: ["all", "homie"], declared: true }),
  entry("Limits", {
    plural: "limits",
    singular: "limits",
    shortNames: ["lim", "limit"],
    categories: ["homie"],
    declared: true,
  }),
  entry("Network", { plural: "networks", shortNames: ["net"], categories: ["homie"], declared: true }),
  entry("Peer", { plural: "peers", shortNames: ["p"], categories: ["all", "homie"], declared: true }),
  entry("Attempt", { plural: "attempts", shortNames: ["att"], categories: ["homie"], declared: false }),
];

export const declaredKinds: readonly DeclaredKind[] = ["Job", "Limits", "Network", "Peer"];

/** The entry of a kind the type system already knows. */
export function kindEntry(kind: Kind): KindEntry {
  const found = kinds.find((candidate) => candidate.kind === kind);
  if (found === undefined) throw new TypeError(`kind ${kind} is not in the registry`);
  return found;
}

export type FoundKind =
  | { readonly ok: true; readonly entry: KindEntry }
  | { readonly ok: false; readonly message: string; readonly hint: string };

/** Looks a word up as people type it: any case, kind, plural, singular or short name, `jobs.homie.dev` too. */
export function findKind(word: string): FoundKind {
  const typed = word.toLowerCase().replace(/\.(?:v1\.)?homie\.dev$/, "");
  const found = kinds.find((candidate) => wordsOf(candidate).includes(typed));
  if (found !== undefined) return { ok: true, entry: found };
  const meant = suggest(
    typed,
    kinds.flatMap((candidate) => [candidate.plural, candidate.singular]),
  );
  const plurals = kinds.map((candidate) => candidate.plural).join(", ");
  return {
    ok: false,
    message: `no kind is called "${word.slice(0, 64)}"`,
    hint: meant === undefined ? `known kinds: ${plurals}` : `did you mean "${meant}"?`,
  };
}

function wordsOf(candidate: KindEntry): readonly string[] {
  return [candidate.plural, candidate.singular, candidate.kind.toLowerCase(), ...candidate.shortNames];
}

type EntryFields = Pick<KindEntry, "plural" | "shortNames" | "categories" | "declared"> & {
  readonly singular?: string;
};

function entry(kind: Kind, fields: EntryFields): KindEntry {
  return { kind, listKind: `${kind}List`, ...fields, singular: fields.singular ?? kind.toLowerCase() };
}
