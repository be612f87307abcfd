import { rejected } from "./rejected.ts";

export const blockBytes = 512;
/** The largest size eleven octal digits hold; anything larger needs a pax record. */
export const maxOctalBytes = 0o77777777777;

/** One 512-byte header as it stands, before pax records or GNU long names are applied. */
export interface RawHeader {
  readonly name: Buffer;
  /** Empty in GNU archives, whose header keeps other things in that place. */
  readonly prefix: Buffer;
  readonly mode: number;
  readonly bytes: number;
  readonly mtimeSeconds: number;
  readonly type: string;
}

const layout = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8],
  deviceMajor: [329, 8],
  deviceMinor: [337, 8],
  prefix: [345, 155],
} as const satisfies Record<string, readonly [number, number]>;
type Field = keyof typeof layout;

const posixMagic = "ustar\u000000";
const gnuMagic = "ustar  \u0000";

export interface HeaderFields {
  readonly name: string;
  readonly prefix: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly bytes: number;
  readonly mtimeSeconds: number;
  readonly type: "0" | "5" | "x";
}

/** POSIX.1-1988 ustar; `name` and `prefix` are ASCII that fits. */
export function encodeHeader(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(blockBytes);
  const put = (field: Field, text: string): void => {
    block.write(text, layout[field][0], layout[field][1], "latin1");
  };
  const octal = (field: Field, value: number): void => {
    put(field, value.toString(8).padStart(layout[field][1] - 1, "0"));
  };
  put("name", fields.name);
  octal("mode", fields.mode);
  octal("uid", fields.uid);
  octal("gid", fields.gid);
  octal("size", fields.bytes);
  octal("mtime", fields.mtimeSeconds);
  put("type", fields.type);
  put("magic", posixMagic);
  octal("deviceMajor", 0);
  octal("deviceMinor", 0);
  put("prefix", fields.prefix);
  put("checksum", `${checksum(block).toString(8).padStart(6, "0")}\u0000 `);
  return block;
}

/** Throws TarRejected for a wrong checksum, an unknown format or a number that is none. */
export function parseHeader(block: Buffer): RawHeader {
  const slice = (field: Field): Buffer => block.subarray(layout[field][0], layout[field][0] + layout[field][1]);
  const name = untilNul(slice("name"));
  const shown = name.toString("latin1");
  if (parseNumber(slice("checksum"), shown, "checksum") !== checksum(block)) {
    throw rejected(shown, "the header checksum is wrong");
  }
  const magic = slice("magic").toString("latin1");
  if (magic !== posixMagic && magic !== gnuMagic) throw rejected(shown, "the header is neither ustar nor GNU");
  return {
    name,
    prefix: magic === posixMagic ? untilNul(slice("prefix")) : Buffer.alloc(0),
    mode: parseNumber(slice("mode"), shown, "mode"),
    bytes: parseNumber(slice("size"), shown, "size"),
    mtimeSeconds: clampTime(slice("mtime"), shown),
    type: slice("type").toString("latin1"),
  };
}

export function isZeroBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

function untilNul(field: Buffer): Buffer {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

function checksum(block: Uint8Array): number {
  const [start, length] = layout.checksum;
  let sum = 32 * length;
  for (let index = 0; index < blockBytes; index++) {
    if (index < start || index >= start + length) sum += block[index] ?? 0;
  }
  return sum;
}

/** Octal digits ended by NUL or space, or GNU's base-256 for values that do not fit; never negative. */
function parseNumber(field: Buffer, entry: string, what: string): number {
  const first = field[0] ?? 0;
  if (first === 0x80) {
    const value = BigInt(`0x${field.subarray(1).toString("hex")}`);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw rejected(entry, `the ${what} overflows`);
    return Number(value);
  }
  const digits = /^ *([0-7]+)[ \u0000]*$/.exec(field.toString("latin1"));
  if (digits === null) {
    if (field.every((byte) => byte === 0 || byte === 0x20)) return 0;
    throw rejected(entry, `the ${what} is not a number`);
  }
  return Number.parseInt(digits[1] ?? "0", 8);
}

/** A time is only ever shown or set on a file, so one before 1970 or absurdly late is bent instead of refused. */
function clampTime(field: Buffer, entry: string): number {
  if ((field[0] ?? 0) === 0xff) return 0;
  return Math.min(parseNumber(field, entry, "time"), 2 ** 33);
}
