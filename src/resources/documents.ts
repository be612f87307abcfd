import type { Manifest } from "./types.ts";

/** Something wrong with a text, said so that a person can find and mend it. */
export interface Problem {
  /** As given by the caller: a path, or "stdin". */
  readonly file: string;
  /** 1-based; of the field or of the syntax error. */
  readonly line: number;
  readonly column: number;
  /** 0-based index of the YAML document in the file. */
  readonly document: number;
  /** "spec.outputs[0].paths", or "" for the whole document. */
  readonly path: string;
  /** e.g. `unknown field "imgae"`. */
  readonly message: string;
  /** e.g. `did you mean "image"?`. */
  readonly hint?: string;
  /** Known when the document says so much. */
  readonly kind?: string;
  readonly name?: string;
}

export interface ParsedDocument {
  readonly index: number;
  readonly manifest: Manifest;
  /** Content of a `status:` block in the text, if there is one; never trusted. */
  readonly mirroredStatus?: unknown;
}

export interface ParsedFile {
  readonly documents: readonly ParsedDocument[];
  readonly problems: readonly Problem[];
  /** YAML documents that are empty or only comments are counted here and otherwise ignored. */
  readonly emptyDocuments: number;
}
