import { canonicalJson } from "../../resources/canonical.ts";
import type { ParsedDocument } from "../../resources/documents.ts";
import type { BaseStatus } from "../../resources/types.ts";
import { mirrorIsStale, renderTransition } from "./status-view.ts";

interface DocumentMemory {
  /** Document and status last found in agreement: the same pair need not be compared again. */
  agreed?: { readonly document: ParsedDocument; readonly status: BaseStatus };
  /** Canonical text of the block homie wrote last; anything else in the file is somebody's edit. */
  written?: string;
  /** The transition the file shows. */
  shown?: string;
}

/** What the status mirror remembers of each file while the daemon runs. */
export interface MirrorMemory {
  isStale(path: string, document: ParsedDocument, status: BaseStatus): boolean;
  /** The file already tells this story, as far as is known. */
  shows(path: string, name: string, status: BaseStatus): boolean;
  /** The file shows this status now, in this document. */
  written(path: string, document: ParsedDocument, status: BaseStatus): void;
  /** The block cannot be written; asks again only after the document or the status has changed. */
  giveUp(path: string, document: ParsedDocument, status: BaseStatus): void;
  forgetAllBut(paths: ReadonlySet<string>): void;
}

export function createMirrorMemory(): MirrorMemory {
  const files = new Map<string, Map<string, DocumentMemory>>();

  function of(path: string, name: string): DocumentMemory {
    const documents = files.get(path) ?? new Map<string, DocumentMemory>();
    files.set(path, documents);
    const memory = documents.get(name) ?? {};
    documents.set(name, memory);
    return memory;
  }

  return {
    isStale: (path, document, status) => {
      const memory = of(path, nameOf(document));
      if (memory.agreed?.document === document && memory.agreed.status === status) return false;
      if (mirrorIsStale(document.mirroredStatus, status, memory.written)) return true;
      memory.agreed = { document, status };
      memory.shown = renderTransition(status);
      return false;
    },
    shows: (path, name, status) => of(path, name).shown === renderTransition(status),
    written: (path, document, status) => {
      const memory = of(path, nameOf(document));
      memory.agreed = { document, status };
      memory.written = canonicalJson(status);
      memory.shown = renderTransition(status);
    },
    giveUp: (path, document, status) => {
      of(path, nameOf(document)).agreed = { document, status };
    },
    forgetAllBut: (paths) => {
      for (const path of files.keys()) if (!paths.has(path)) files.delete(path);
    },
  };
}

/** "Job/x": what tells the documents of one file apart. */
export function nameOf(document: ParsedDocument): string {
  return `${document.manifest.kind}/${document.manifest.metadata.name}`;
}
