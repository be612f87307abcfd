import { describe, expect, it } from "vitest";
import { parseQuietSpan, quietSpanAt, wallClock } from "../../src/scheduler/quiet-hours.ts";

function isQuiet(span: string, moment: string, zone = "Europe/Berlin"): boolean {
  return quietSpanAt([parseQuietSpan(span)], wallClock(zone)(Date.parse(moment))) !== undefined;
}

// 2026-11-20 is a Friday. Berlin is one hour ahead of UTC in winter, two in summer.
describe("quiet hours", () => {
  it.each([
    ["begin on the minute", "22:00-08:00", "2026-11-20T22:00:00+01:00", true],
    ["have not begun the minute before", "22:00-08:00", "2026-11-20T21:59:59+01:00", false],
    ["pass midnight", "22:00-08:00", "2026-11-21T00:00:00+01:00", true],
    ["end on the minute", "22:00-08:00", "2026-11-21T08:00:00+01:00", false],
    ["stay within a day", "09:00-17:00", "2026-11-20T12:00:00+01:00", true],
    ["of a day begin on that day", "Fri 22:00-08:00", "2026-11-20T23:00:00+01:00", true],
    ["of a day last into the next", "Fri 22:00-08:00", "2026-11-21T07:59:00+01:00", true],
    ["of a day do not come the night before", "Fri 22:00-08:00", "2026-11-20T07:00:00+01:00", false],
    ["of weekdays leave Sunday night alone", "Mon-Fri 22:00-08:00", "2026-11-23T07:00:00+01:00", false],
    ["of days may pass the end of the week", "Sat-Mon 09:00-17:00", "2026-11-23T10:00:00+01:00", true],
    ["of days that pass the end of the week end", "Sat-Mon 09:00-17:00", "2026-11-24T10:00:00+01:00", false],
    ["with equal ends are a whole day", "Sat 00:00-00:00", "2026-11-21T23:59:00+01:00", true],
    ["with equal ends are that day only", "Sat 00:00-00:00", "2026-11-22T00:00:00+01:00", false],
  ])("%s", (_title, span, moment, expected) => {
    expect(isQuiet(span, moment)).toBe(expected);
  });

  it.each([
    // Berlin, 25 October 2026: 03:00 summer time becomes 02:00 winter time.
    ["come twice with an hour that comes twice", "02:15-02:45", "2026-10-25T00:30:00Z", true],
    ["come twice with an hour that comes twice: again", "02:15-02:45", "2026-10-25T01:30:00Z", true],
    ["are over between the two", "02:15-02:45", "2026-10-25T00:50:00Z", false],
    ["end by the wall clock after a long night", "22:00-08:00", "2026-10-25T06:59:00Z", true],
    ["end by the wall clock after a long night: end", "22:00-08:00", "2026-10-25T07:00:00Z", false],
    // Berlin, 29 March 2026: 02:00 winter time becomes 03:00 summer time.
    ["skip an hour that is skipped", "02:15-02:45", "2026-03-29T01:15:00Z", false],
    ["end by the wall clock after a short night", "22:00-08:00", "2026-03-29T05:59:00Z", true],
    ["end by the wall clock after a short night: end", "22:00-08:00", "2026-03-29T06:00:00Z", false],
  ])("%s", (_title, span, moment, expected) => {
    expect(isQuiet(span, moment)).toBe(expected);
  });

  it("are read off the wall of their own zone", () => {
    const moment = "2026-11-20T22:30:00Z";
    const at = (zone: string): string => wallClock(zone)(Date.parse(moment)).text;
    expect([at("Europe/Berlin"), at("Asia/Kathmandu"), at("America/New_York")]).toEqual([
      ...["Fri 23:30", "Sat 04:15", "Fri 17:30"],
    ]);
    expect([isQuiet("Sat 04:00-05:00", moment), isQuiet("Sat 04:00-05:00", moment, "Asia/Kathmandu")]).toEqual([
      ...[false, true],
    ]);
  });

  it.each(["22-08", "Mo 22:00-08:00", "Mon-Foo 22:00-08:00", ""])("cannot be %j", (text) => {
    expect(() => parseQuietSpan(text)).toThrow(RangeError);
  });
});
