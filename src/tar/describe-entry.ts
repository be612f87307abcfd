import { showValue } from "../resources/show-value.ts";
import { maxOctalBytes } from "./header.ts";
import type { RawHeader } from "./header.ts";
import { unsafeNameReason } from "./names.ts";
import { namesAgree } from "./pax.ts";
import type { PaxOverrides } from "./pax.ts";
import { rejected } from "./rejected.ts";

/** What metadata headers said about the entry that follows them. */
export interface Overrides {
  readonly pax?: PaxOverrides;
  readonly longName?: Buffer;
  readonly longLink?: Buffer;
}
export const noOverrides: Overrides = {};

export interface DescribedEntry {
  readonly path: string;
  /** The name byte by byte: two names that are not UTF-8 can look the same in `path`. */
  readonly key: string;
  readonly kind: "file" | "directory" | "link" | "other";
  readonly bytes: number;
  readonly mode: number;
  readonly mtimeSeconds: number;
  readonly reason?: string;
  /** The "./" of archives that were made from inside a directory. */
  readonly isRoot: boolean;
}

const kinds: Readonly<Record<string, { readonly kind: DescribedEntry["kind"]; readonly reason?: string }>> = {
  "0": { kind: "file" },
  "\u0000": { kind: "file" },
  "5": { kind: "directory" },
  "1": { kind: "link", reason: "hard link" },
  "2": { kind: "link", reason: "symbolic link" },
  "3": { kind: "other", reason: "character device" },
  "4": { kind: "other", reason: "block device" },
  "6": { kind: "other", reason: "FIFO" },
  "7": { kind: "other", reason: "contiguous file" },
};

/** Applies the metadata and judges name and type. Throws TarRejected where header and metadata tell different stories. */
export function describeEntry(header: RawHeader, overrides: Overrides, mode: "strict" | "collect"): DescribedEntry {
  const rawName = effectiveName(header, overrides);
  const shown = rawName.toString();
  const type = kinds[header.type];
  if (type === undefined) throw rejected(shown, `the type ${showValue(header.type)} is not accepted`);
  const bytes = effectiveBytes(header, overrides, shown);
  const path = relativeName(shown, type.kind, mode);
  checkKind(type.kind, {
    path,
    bytes,
    hasTarget: overrides.longLink !== undefined || overrides.pax?.hasLinkPath === true,
  });
  const nameReason = unsafeNameReason(path);
  const reason = type.reason ?? nameReason;
  return {
    path,
    key: relativeName(rawName.toString("latin1"), type.kind, mode),
    kind: nameReason === undefined || type.kind === "link" ? type.kind : "other",
    bytes,
    mode: type.kind === "directory" || (header.mode & 0o111) !== 0 ? 0o755 : 0o644,
    mtimeSeconds: header.mtimeSeconds,
    isRoot: mode === "collect" && type.kind === "directory" && path === "",
    ...(reason === undefined ? {} : { reason }),
  };
}

interface Claims {
  readonly path: string;
  readonly bytes: number;
  readonly hasTarget: boolean;
}

function checkKind(kind: DescribedEntry["kind"], { path, bytes, hasTarget }: Claims): void {
  if (kind !== "file" && bytes !== 0) throw rejected(path, "only a file may have a body");
  if (kind !== "link" && hasTarget) throw rejected(path, "it has a link target but is no link");
  if (kind === "file" && path.endsWith("/")) throw rejected(path, "a file has the name of a directory");
}

function effectiveName(header: RawHeader, overrides: Overrides): Buffer {
  const short = Buffer.concat(
    header.prefix.length === 0 ? [header.name] : [header.prefix, Buffer.from("/"), header.name],
  );
  const long = overrides.pax?.path ?? overrides.longName;
  if (overrides.pax?.path !== undefined && overrides.longName !== undefined) {
    throw rejected(short.toString(), "it has both a pax path and a GNU long name");
  }
  if (long === undefined) return short;
  if (!namesAgree(short, long)) throw rejected(long.toString(), `the header calls it ${showValue(short.toString())}`);
  return long;
}

/** A pax size is only needed where the header cannot hold it; writers put 0 there then. */
function effectiveBytes(header: RawHeader, overrides: Overrides, shown: string): number {
  const size = overrides.pax?.bytes;
  if (size === undefined || size === header.bytes) return header.bytes;
  if (header.bytes !== 0 || size <= maxOctalBytes) throw rejected(shown, "the pax size differs from the header");
  return size;
}

/** Container engines and `tar .` write "./a" and "a/"; strict archives come from homie itself, which never writes "./". */
function relativeName(name: string, kind: DescribedEntry["kind"], mode: "strict" | "collect"): string {
  const trimmed = kind === "directory" && name.endsWith("/") ? name.slice(0, -1) : name;
  if (mode === "strict") return trimmed;
  return trimmed === "." ? "" : trimmed.startsWith("./") ? trimmed.slice(2) : trimmed;
}
