import { sameContent } from "./canonical.ts";
import { formatPath } from "./show-value.ts";
import type { Manifest } from "./types.ts";

export interface MergeRequest {
  /** What was applied last; absent when the object was never applied. */
  readonly base?: Manifest;
  /** What is in desired/ now. */
  readonly live: Manifest;
  /** What is to be applied. */
  readonly input: Manifest;
}
export interface MergeConflict {
  /** "spec.timeoutSeconds", "spec.env[EPOCHS].value" */
  readonly path: string;
  /** Absent: the field is gone on that side. */
  readonly live?: unknown;
  readonly input?: unknown;
}
export interface MergeOutcome {
  /** With conflicts, the input's values stand in it: what forcing them would give. */
  readonly merged: Manifest;
  readonly changed: boolean;
  readonly conflicts: readonly MergeConflict[];
}

/**
 * Joins two sets of changes to one manifest: by hand (base to live) and by the input (base to input). A field only one
 * side changed gets that side's value, deletion included; a field both changed to different values is a conflict. Without
 * a base nobody can tell who changed what: the input wins where it says something, live keeps the rest. Lists are one
 * value, but for those in `listKeys`.
 */
export function mergeManifests({ base, live, input }: MergeRequest): MergeOutcome {
  const merge = new Merge(base !== undefined);
  const frame = { name: input.metadata.name };
  const metadata = merge.value(["metadata"], {
    base: base?.metadata,
    live: live.metadata,
    input: { ...input.metadata, ...frame },
  });
  const spec = merge.value(["spec"], { base: base?.spec, live: live.spec, input: input.spec });
  const merged: Manifest = {
    apiVersion: input.apiVersion,
    kind: input.kind,
    metadata: { ...(metadata as Manifest["metadata"]), ...frame },
    spec: withoutRivals(spec, input.spec),
  };
  return { merged, changed: !sameContent(merged, live), conflicts: merge.conflicts };
}

/** The field that tells the items of a list apart; such lists are merged item by item. */
const listKeys: ReadonlyMap<string, string> = new Map([
  ["spec.env", "name"],
  ["spec.inputs", "mountPath"],
]);
/** Fields that exclude each other: when the input sets one, it means to replace the other. */
const rivals = [
  ["script", "command"],
  ["image", "environment"],
] as const;

interface Sides {
  readonly base: unknown;
  readonly live: unknown;
  readonly input: unknown;
}
type Fields = Readonly<Record<string, unknown>>;

class Merge {
  readonly conflicts: MergeConflict[] = [];
  readonly #hasBase: boolean;

  constructor(hasBase: boolean) {
    this.#hasBase = hasBase;
  }

  value(path: readonly string[], sides: Sides): unknown {
    if (!this.#hasBase && sides.input === undefined) return sides.live;
    const listKey = listKeys.get(path.join("."));
    if (listKey !== undefined) return this.#keyedList(path, sides, listKey);
    if ([sides.base, sides.live, sides.input].every((side) => side === undefined || isFields(side)))
      return this.#fields(path, sides);
    return this.#leaf(path, sides);
  }

  #leaf(path: readonly string[], { base, live, input }: Sides): unknown {
    if (!this.#hasBase || sameContent(live, input)) return input;
    if (sameContent(input, base)) return live;
    if (!sameContent(live, base)) {
      const values = { ...(live === undefined ? {} : { live }), ...(input === undefined ? {} : { input }) };
      this.conflicts.push({ path: formatPath(path), ...values });
    }
    return input;
  }

  #fields(path: readonly string[], sides: Sides): unknown {
    const [base, live, input] = [sides.base, sides.live, sides.input].map((side) => (side ?? {}) as Fields) as [
      Fields,
      Fields,
      Fields,
    ];
    const names = new Set([...Object.keys(live), ...Object.keys(input), ...Object.keys(base)]);
    const entries = [...names].flatMap((name) => {
      const value = this.value([...path, name], {
        base: own(base, name),
        live: own(live, name),
        input: own(input, name),
      });
      return value === undefined ? [] : [[name, value] as const];
    });
    if (entries.length > 0) return Object.fromEntries(entries);
    // Nothing inside: whether the empty map itself is there is decided as for any value.
    return this.#hasBase && sameContent(sides.input, sides.base) ? emptied(sides.live) : emptied(sides.input);
  }

  #keyedList(path: readonly string[], sides: Sides, key: string): unknown {
    const [base, live, input] = [sides.base, sides.live, sides.input].map((side) => itemsByKey(side, key));
    if (base === undefined || live === undefined || input === undefined) return this.#leaf(path, sides);
    // Nobody touched the list by hand: the input's order counts, too.
    const handMade = !sameContent(sides.live, sides.base);
    const order = handMade || !this.#hasBase ? [...live.keys(), ...input.keys()] : [...input.keys(), ...live.keys()];
    const merged = [...new Set([...order, ...base.keys()])].flatMap((name) => {
      const value = this.value([...path, name], { base: base.get(name), live: live.get(name), input: input.get(name) });
      return value === undefined ? [] : [value];
    });
    if (merged.length > 0) return merged;
    return this.#hasBase && sameContent(sides.input, sides.base) ? emptied(sides.live) : emptied(sides.input);
  }
}

function withoutRivals(spec: unknown, input: unknown): unknown {
  if (!isFields(spec) || !isFields(input)) return spec;
  const dropped = rivals.flatMap(([a, b]) => {
    if (spec[a] === undefined || spec[b] === undefined) return [];
    if (input[a] !== undefined && input[b] === undefined) return [b];
    return input[b] !== undefined && input[a] === undefined ? [a] : [];
  });
  return Object.fromEntries(Object.entries(spec).filter(([name]) => !dropped.some((rival) => rival === name)));
}

/** A map or list that lost all its content stays only if it was written as empty. */
function emptied(side: unknown): unknown {
  return sameContent(side, {}) || sameContent(side, []) ? side : undefined;
}

/** undefined when it is no list whose items all have a key of their own. */
function itemsByKey(side: unknown, key: string): ReadonlyMap<string, unknown> | undefined {
  if (side === undefined) return new Map();
  if (!Array.isArray(side)) return undefined;
  const items = new Map(side.map((item) => [String((item as Fields | null)?.[key]), item] as const));
  return items.size === side.length ? items : undefined;
}

function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
