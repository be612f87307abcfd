import type { Operand, PathStep, TemplateNode } from "./jsonpath-parse.ts";

/** Fills a parsed template from one object; what is not there prints as nothing, as in `kubectl get`. */
export function renderTemplate(nodes: readonly TemplateNode[], root: unknown): string {
  return renderNodes(nodes, root, root);
}

function renderNodes(nodes: readonly TemplateNode[], here: unknown, root: unknown): string {
  return nodes
    .map((node) => {
      if (node.type === "text") return node.text;
      const found = evaluatePath(node.steps, here, root);
      if (node.type === "path") return found.map(renderValue).join(" ");
      return found.map((value) => renderNodes(node.body, value, root)).join("");
    })
    .join("");
}

export function renderValue(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(value);
}

/** Every value the steps lead to, in order; empty when a step finds nothing. */
export function evaluatePath(steps: readonly PathStep[], here: unknown, root: unknown = here): readonly unknown[] {
  let values: readonly unknown[] = [here];
  for (const step of steps)
    values = step.type === "root" ? [root] : values.flatMap((value) => takeStep(step, value, root));
  return values;
}

function takeStep(step: PathStep, value: unknown, root: unknown): readonly unknown[] {
  switch (step.type) {
    case "root":
      return [root];
    case "fields":
      return step.names.flatMap((name) => (isRecord(value) && Object.hasOwn(value, name) ? [value[name]] : []));
    case "indexes":
      return Array.isArray(value) ? step.indexes.flatMap((index) => pick(value, index)) : [];
    case "slice":
      return Array.isArray(value) ? value.slice(step.from, step.to).filter((_, index) => index % step.step === 0) : [];
    case "all":
      return children(value);
    case "descend":
      return descendants(value);
    case "filter":
      return children(value).filter((child) => matches(step, child, root));
  }
}

function pick(list: readonly unknown[], index: number): readonly unknown[] {
  const at = index < 0 ? list.length + index : index;
  return at >= 0 && at < list.length ? [list[at]] : [];
}

function children(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isRecord(value) ? Object.values(value) : [];
}

function descendants(value: unknown): readonly unknown[] {
  return [value, ...children(value).flatMap(descendants)];
}

function matches(step: Extract<PathStep, { type: "filter" }>, value: unknown, root: unknown): boolean {
  const left = evaluateOperand(step.left, value, root);
  if (step.comparison === undefined) return left.length > 0 && left[0] !== false && left[0] !== null;
  const right = evaluateOperand(step.comparison.right, value, root);
  if (left.length === 0 || right.length === 0) return step.comparison.operator === "!=" && left.length !== right.length;
  return compare(left[0], step.comparison.operator, right[0]);
}

function evaluateOperand(operand: Operand, value: unknown, root: unknown): readonly unknown[] {
  return "literal" in operand ? [operand.literal] : evaluatePath(operand.steps, value, root);
}

function compare(left: unknown, operator: string, right: unknown): boolean {
  const equal = isRecord(left) || Array.isArray(left) ? JSON.stringify(left) === JSON.stringify(right) : left === right;
  if (operator === "==") return equal;
  if (operator === "!=") return !equal;
  const order = compareValues(left, right);
  if (order === undefined) return false;
  return { "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0 }[operator] ?? false;
}

/** Numbers by size, texts by code unit; undefined for two different sorts of things. */
export function compareValues(left: unknown, right: unknown): number | undefined {
  if (typeof left === "number" && typeof right === "number") return left - right;
  if (typeof left === "string" && typeof right === "string") return left < right ? -1 : Number(left > right);
  return undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
