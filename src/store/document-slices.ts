/** One YAML document's own bytes in a text of several. */
export interface DocumentSlice {
  /** 1-based line of its first content. */
  readonly line: number;
  /** Without the `---` line, unless that line carries content or ends directives. */
  readonly text: string;
}

interface Line {
  readonly number: number;
  readonly text: string;
}

/**
 * Cuts a YAML stream at its document markers, numbering documents as a YAML parser does. `---` and `...` in the first
 * column are always markers, even within block scalars: https://yaml.org/spec/1.2.2/#912-document-markers
 */
export function sliceDocuments(text: string): readonly DocumentSlice[] {
  const documents: (readonly Line[])[] = [];
  let open: Line[] = [];
  let marked = false;
  const close = (): void => {
    if (marked || open.some(isContent)) documents.push(open);
    open = [];
    marked = false;
  };
  for (const line of splitLines(text)) {
    const marker = /^(?:---|\.\.\.)(?=\s|$)/.exec(line.text)?.[0];
    if (marker === "...") close();
    else if (marker === undefined) open.push(line);
    else {
      // Comments and directives before a first marker belong to the document that it begins.
      if (marked || open.some(isContent)) close();
      marked = true;
      if (line.text.slice(3).trim() !== "" || open.some(isDirective)) open.push(line);
    }
  }
  close();
  return documents.map((lines) => ({
    line: (lines.find(isContent) ?? lines[0])?.number ?? 1,
    text: lines.map((line) => line.text).join(""),
  }));
}

function splitLines(text: string): readonly Line[] {
  return (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((line, index) => ({ number: index + 1, text: line }));
}

function isContent(line: Line): boolean {
  return !/^\s*(?:#|$|%)/.test(line.text) && !/^---\s*$/.test(line.text);
}

function isDirective(line: Line): boolean {
  return line.text.startsWith("%");
}
