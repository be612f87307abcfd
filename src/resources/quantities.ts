const binaryUnit = 1024;
const decimalUnit = 1000;

/** Bytes of each suffix. Lower-case letters are Docker's: powers of 1024, as `docker run --memory 4g` counts. */
const byteUnits: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ...["K", "M", "G", "T"].map((letter, index) => [letter, decimalUnit ** (index + 1)] as const),
  ...["Ki", "Mi", "Gi", "Ti"].map((suffix, index) => [suffix, binaryUnit ** (index + 1)] as const),
  ...["b", "k", "m", "g", "t"].map((letter, index) => [letter, binaryUnit ** index] as const),
]);

/** For messages: every spelling of a size that is understood. */
export const byteUnitsTable =
  "bytes as a number, or with a unit: Ki Mi Gi Ti (powers of 1024), K M G T (powers of 1000), k m g t (1024, as Docker)";
export const cpuUnitsTable = "cores as a number (2, 0.5), or thousandths with m (500m)";

/** Cores; undefined when the text is no quantity or not above zero. */
export function parseCpu(quantity: unknown): number | undefined {
  if (typeof quantity === "number") return positive(quantity);
  const match = matchQuantity(quantity, /^([0-9]{1,15}(?:\.[0-9]{1,9})?)(m?)$/);
  if (match === undefined) return undefined;
  return positive(match.suffix === "m" ? match.amount / 1000 : match.amount);
}

/** Whole bytes; undefined when the text is no quantity, not above zero, or past 2^53. */
export function parseBytes(quantity: unknown): number | undefined {
  if (typeof quantity === "number") return Number.isSafeInteger(quantity) ? positive(quantity) : undefined;
  const match = matchQuantity(quantity, /^([0-9]{1,16}(?:\.[0-9]{1,9})?)([A-Za-z]{0,2})$/);
  const unit = match === undefined ? undefined : byteUnits.get(match.suffix);
  if (match === undefined || unit === undefined) return undefined;
  const bytes = Math.round(match.amount * unit);
  return Number.isSafeInteger(bytes) ? positive(bytes) : undefined;
}

/** The largest binary unit that needs no more than one decimal: "512Mi", "1.5Gi", "1000". */
export function formatBytes(bytes: number): string {
  const units = ["", "Ki", "Mi", "Gi", "Ti"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  const amount = Math.round((bytes / binaryUnit ** power) * 10) / 10;
  // 1023.96Ki rounds up to the next unit's 1.
  if (amount >= binaryUnit && power < units.length - 1) return `1${units[power + 1]}`;
  return `${amount}${units[power]}`;
}

/** "2", "1.5", "250m". */
export function formatCpu(cores: number): string {
  const thousandths = Math.round(cores * 1000);
  if (thousandths % 100 === 0) return String(thousandths / 1000);
  return `${thousandths}m`;
}

function matchQuantity(quantity: unknown, grammar: RegExp): { amount: number; suffix: string } | undefined {
  if (typeof quantity !== "string" || quantity.length > 32) return undefined;
  const match = grammar.exec(quantity);
  return match === null ? undefined : { amount: Number(match[1]), suffix: match[2] ?? "" };
}

function positive(amount: number): number | undefined {
  return Number.isFinite(amount) && amount > 0 ? amount : undefined;
}
