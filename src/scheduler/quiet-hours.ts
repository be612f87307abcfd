/** One entry of Limits schedule.quietHours: minutes since midnight on the wall clock, days counted from Monday. */
export interface QuietSpan {
  readonly text: string;
  /** Days it begins on; index 0 is Monday. */
  readonly days: readonly boolean[];
  readonly startMinute: number;
  /** Not included; at or before `startMinute` it is on the next day. */
  readonly endMinute: number;
}

export interface WallTime {
  /** 0 is Monday. */
  readonly day: number;
  readonly minute: number;
  /** "Sat 23:10" */
  readonly text: string;
}

const dayNames = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** `22:00-08:00`, `Fri 22:00-08:00`, `Sat-Mon 00:00-00:00` (whole days). Throws RangeError for what no schema lets through. */
export function parseQuietSpan(text: string): QuietSpan {
  const match = /^(?:([A-Z][a-z]{2})(?:-([A-Z][a-z]{2}))? )?(\d{2}):(\d{2})-(\d{2}):(\d{2})$/.exec(text);
  if (match === null) throw new RangeError(`not a span of quiet hours: ${text}`);
  const [, from, to, ...numbers] = match;
  const [startHour = 0, startMinute = 0, endHour = 0, endMinute = 0] = numbers.map(Number);
  return {
    text,
    days: daysBetween(from, to ?? from),
    startMinute: startHour * 60 + startMinute,
    endMinute: endHour * 60 + endMinute,
  };
}

/**
 * Reads the wall clock of a time zone. Spans are compared with what the clock on the wall shows, so a night of 23 or 25
 * hours needs no arithmetic: an hour that comes twice is quiet twice, one that is skipped never comes. Throws RangeError
 * for an unknown zone; made once, because it is slow to make.
 */
export function wallClock(timeZone: string): (nowMs: number) => WallTime {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return (nowMs) => {
    const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
    const [weekday = "", hour = "", minute = ""] = [parts.get("weekday"), parts.get("hour"), parts.get("minute")];
    return {
      day: dayNames.indexOf(weekday),
      minute: Number(hour) * 60 + Number(minute),
      text: `${weekday} ${hour}:${minute}`,
    };
  };
}

/** The first span that covers this moment. */
export function quietSpanAt(spans: readonly QuietSpan[], { day, minute }: WallTime): QuietSpan | undefined {
  const yesterday = (day + 6) % 7;
  return spans.find(({ days, startMinute, endMinute }) => {
    if (startMinute < endMinute) return days[day] === true && startMinute <= minute && minute < endMinute;
    return (days[day] === true && startMinute <= minute) || (days[yesterday] === true && minute < endMinute);
  });
}

function daysBetween(from: string | undefined, to: string | undefined): readonly boolean[] {
  if (from === undefined || to === undefined) return dayNames.map(() => true);
  const [first, last] = [dayNames.indexOf(from), dayNames.indexOf(to)];
  if (first < 0 || last < 0) throw new RangeError(`not days of the week: ${from}-${to}`);
  const length = (last - first + 7) % 7;
  return dayNames.map((_, day) => (day - first + 7) % 7 <= length);
}
