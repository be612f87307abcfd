import { renderTemplate, evaluatePath, renderValue } from "./jsonpath.ts";
import { renderJson, renderYaml } from "./markup.ts";
import type { OutputFormat } from "./output-format.ts";
import { safeBlock, safeLine } from "./safe-text.ts";
import { renderTable } from "./table.ts";

/** An object as the API answers it: only what printing needs is known. */
export interface ApiObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly generation?: number;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

export interface PrintOptions {
  readonly headers: boolean;
  /** Templates print raw values; on a terminal they are made inert. */
  readonly isTty: boolean;
}

/** One object as itself, several (or a listing) as a List: what `-o` formats other than tables start from. */
export function wrapObjects(objects: readonly ApiObject[], asList: boolean, resourceVersion = ""): unknown {
  if (!asList && objects.length === 1) return objects[0];
  return { apiVersion: "v1", kind: "List", metadata: { resourceVersion }, items: objects };
}

export async function renderObjects(
  objects: readonly ApiObject[],
  root: unknown,
  format: OutputFormat,
  options: PrintOptions,
): Promise<string> {
  switch (format.type) {
    case "json":
      return renderJson(root);
    case "yaml":
      return await renderYaml(root);
    case "name":
      return objects.map((object) => `${reference(object)}\n`).join("");
    case "jsonpath": {
      const text = renderTemplate(format.template, root);
      return options.isTty ? `${safeBlock(text)}\n` : text;
    }
    case "columns": {
      const rows = objects.map((object) =>
        format.columns.map((column) => evaluatePath(column.steps, object).map(renderValue).join(",")),
      );
      return renderTable(
        format.columns.map((column) => column.header),
        rows,
        { headers: options.headers },
      );
    }
    case "table":
      throw new TypeError("tables are rendered from the API's own columns");
  }
}

/** "job/train" */
export function reference(object: { readonly kind?: string; readonly metadata: { readonly name: string } }): string {
  return safeLine(`${(object.kind ?? "object").toLowerCase()}/${object.metadata.name}`);
}
