const rfc3339 = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/u;

/** RFC 3339 with a time zone, without which it would be another moment on another machine; undefined if it is not. */
export function parseMoment(text: string): Date | undefined {
  const [, , month, day] = rfc3339.exec(text) ?? [];
  if (month === undefined || day === undefined) return undefined;
  const moment = new Date(text);
  if (Number.isNaN(moment.getTime())) return undefined;
  // Date takes 31 February for 3 March.
  const calendar = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  return calendar.getUTCMonth() + 1 === Number(month) && calendar.getUTCDate() === Number(day) ? moment : undefined;
}

/** To the second, as objects have it: 2026-11-23T12:00:00Z. */
export function renderTimestamp(moment: Date): string {
  return moment.toISOString().replace(/\.\d{3}Z$/u, "Z");
}
