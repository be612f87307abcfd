export interface Check {
  readonly name: string;
  readonly ok: "ok" | "warn" | "fail";
  readonly message: string;
  readonly hint?: string;
}

export function ok(name: string, message: string): Check {
  return { name, ok: "ok", message };
}

export function warn(name: string, message: string, hint: string): Check {
  return { name, ok: "warn", message, hint };
}

export function fail(name: string, message: string, hint: string): Check {
  return { name, ok: "fail", message, hint };
}
