type Edit = { readonly op: " " | "-" | "+"; readonly line: string };

const context = 3;
/** Beyond this many edits the shortest script no longer pays: the middle is shown as replaced. */
const maxEdits = 2000;

/** The `diff -u` of two texts, or "" if they are equal. */
export function renderUnifiedDiff(
  before: string,
  after: string,
  names: { readonly before: string; readonly after: string },
): string {
  if (before === after) return "";
  const edits = diffLines(splitLines(before), splitLines(after));
  const hunks = planHunks(edits).map(([from, to]) => renderHunk(edits, from, to));
  return `--- ${names.before}\n+++ ${names.after}\n${hunks.join("")}`;
}

function splitLines(text: string): readonly string[] {
  if (text === "") return [];
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}

function diffLines(before: readonly string[], after: readonly string[]): readonly Edit[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end))
    end += 1;
  const same = (line: string): Edit => ({ op: " ", line });
  return [
    ...before.slice(0, start).map(same),
    ...shortestEdits(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(same),
  ];
}

/** E. W. Myers, An O(ND) Difference Algorithm and Its Variations, 1986: forward pass, then walk the trace back. */
function shortestEdits(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const trace: Map<number, number>[] = [];
  let furthest = new Map<number, number>([[1, 0]]);
  const limit = Math.min(before.length + after.length, maxEdits);
  for (let edits = 0; edits <= limit; edits += 1) {
    trace.push(furthest);
    const next = new Map(furthest);
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const x = slide(before, after, stepX(furthest, diagonal, edits), diagonal);
      next.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return walkBack(before, after, trace, diagonal);
    }
    furthest = next;
  }
  return [...before.map((line): Edit => ({ op: "-", line })), ...after.map((line): Edit => ({ op: "+", line }))];
}

function goesDown(furthest: ReadonlyMap<number, number>, diagonal: number, edits: number): boolean {
  return (
    diagonal === -edits ||
    (diagonal !== edits && (furthest.get(diagonal - 1) ?? -1) < (furthest.get(diagonal + 1) ?? -1))
  );
}

function stepX(furthest: ReadonlyMap<number, number>, diagonal: number, edits: number): number {
  return goesDown(furthest, diagonal, edits)
    ? (furthest.get(diagonal + 1) ?? 0)
    : (furthest.get(diagonal - 1) ?? 0) + 1;
}

function slide(before: readonly string[], after: readonly string[], from: number, diagonal: number): number {
  let x = from;
  while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x += 1;
  return x;
}

function walkBack(
  before: readonly string[],
  after: readonly string[],
  trace: readonly ReadonlyMap<number, number>[],
  lastDiagonal: number,
): readonly Edit[] {
  const reversed: Edit[] = [];
  let diagonal = lastDiagonal;
  let x = before.length;
  for (let edits = trace.length - 1; edits >= 0; edits -= 1) {
    const furthest = trace[edits] ?? new Map<number, number>();
    const down = goesDown(furthest, diagonal, edits);
    const start = edits === 0 ? 0 : stepX(furthest, diagonal, edits);
    while (x > start) reversed.push({ op: " ", line: before[(x -= 1)] ?? "" });
    if (edits === 0) break;
    reversed.push(down ? { op: "+", line: after[x - diagonal - 1] ?? "" } : { op: "-", line: before[(x -= 1)] ?? "" });
    diagonal += down ? 1 : -1;
  }
  return reversed.reverse();
}

/** Index ranges [from, to) of edits that belong together with their context. */
function planHunks(edits: readonly Edit[]): readonly (readonly [number, number])[] {
  const hunks: [number, number][] = [];
  for (const [index, edit] of edits.entries()) {
    if (edit.op === " ") continue;
    const from = Math.max(0, index - context);
    const to = Math.min(edits.length, index + context + 1);
    const last = hunks.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = to;
    else hunks.push([from, to]);
  }
  return hunks;
}

function renderHunk(edits: readonly Edit[], from: number, to: number): string {
  const count = (list: readonly Edit[], ...ops: readonly string[]): number =>
    list.filter((edit) => ops.includes(edit.op)).length;
  const earlier = edits.slice(0, from);
  const shown = edits.slice(from, to);
  const range = (skipped: number, length: number): string =>
    `${length === 0 ? skipped : skipped + 1}${length === 1 ? "" : `,${length}`}`;
  const old = range(count(earlier, " ", "-"), count(shown, " ", "-"));
  const fresh = range(count(earlier, " ", "+"), count(shown, " ", "+"));
  return `@@ -${old} +${fresh} @@\n${shown.map((edit) => `${edit.op}${edit.line}\n`).join("")}`;
}
