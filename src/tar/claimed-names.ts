import { collisionKey } from "./names.ts";

interface Claimed {
  /** As it was written first. */
  readonly name: string;
  readonly isFile: boolean;
  readonly below: Map<string, Claimed>;
}

/**
 * Which names an archive has taken, those of directories included that only its paths speak of: no two of them may be one
 * on a file system that folds case or composition.
 */
export class ClaimedNames {
  readonly #top = new Map<string, Claimed>();

  /** The path that is in the way of this one; undefined when there is none, and from then on it is taken. */
  claim(path: string, isFile: boolean): string | undefined {
    const names = path.split("/");
    let level = this.#top;
    for (const [depth, name] of names.entries()) {
      const isLast = depth === names.length - 1;
      const key = collisionKey(name);
      const taken = level.get(key);
      const wantsFile = isLast && isFile;
      if (taken !== undefined && (taken.name !== name || taken.isFile || wantsFile))
        return [...names.slice(0, depth), taken.name].join("/");
      const claimed = taken ?? { name, isFile: wantsFile, below: new Map() };
      level.set(key, claimed);
      level = claimed.below;
    }
    return undefined;
  }
}
