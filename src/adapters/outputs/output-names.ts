import { collisionKey, unsafeNameReason } from "../../tar/names.ts";

/** Remembers what was written, so that no file takes another's place on a file system that folds names. */
export class OutputNames {
  readonly #files = new Map<string, string>();
  readonly #directories = new Map<string, string>();

  /** Why a file of this name cannot be taken, or undefined, and then it is. */
  take(path: string): string | undefined {
    const reason = unsafeNameReason(path) ?? this.#collision(path);
    if (reason !== undefined) return reason;
    this.#files.set(collisionKey(path), path);
    for (const directory of ancestors(path)) this.#directories.set(collisionKey(directory), directory);
    return undefined;
  }

  #collision(path: string): string | undefined {
    const key = collisionKey(path);
    const other = this.#files.get(key) ?? this.#directories.get(key);
    if (other !== undefined) return describe(other);
    for (const directory of ancestors(path)) {
      const folded = collisionKey(directory);
      const file = this.#files.get(folded);
      if (file !== undefined) return describe(file);
      const taken = this.#directories.get(folded);
      if (taken !== undefined && taken !== directory) return describe(taken);
    }
    return undefined;
  }
}

function describe(other: string): string {
  return `the name is the same as ${JSON.stringify(other)} on some machines`;
}

function ancestors(path: string): string[] {
  const components = path.split("/");
  return components.slice(1).map((_component, index) => components.slice(0, index + 1).join("/"));
}
