/**
 * A duration as Kubernetes shows ages: two units while they matter ("2m30s"), one when they no longer do ("45m").
 * Steps after k8s.io/apimachinery/pkg/util/duration.HumanDuration.
 */
export function renderDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return pair(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  if (hours < 8) return pair(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  if (days < 8) return pair(days, "d", hours % 24, "h");
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return years < 8 ? pair(years, "y", days % 365, "d") : `${years}y`;
}

/** Time since an RFC 3339 moment, or "-" when there is none. */
export function renderAge(since: string | undefined, now: Date): string {
  const moment = since === undefined ? Number.NaN : Date.parse(since);
  return Number.isNaN(moment) ? "-" : renderDuration(now.getTime() - moment);
}

const binaryUnits = ["", "Ki", "Mi", "Gi", "Ti", "Pi"] as const;

/** `1536` is "1.5Ki"; a quantity somebody wrote ("4g") stays as written. */
export function renderBytes(value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  if (typeof value !== "number" || !Number.isFinite(value)) return "-";
  const unit = Math.min(binaryUnits.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, value)) / 10)));
  const scaled = value / 1024 ** unit;
  return `${Number.isInteger(scaled) ? scaled : scaled.toFixed(1)}${binaryUnits[unit]}`;
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}
