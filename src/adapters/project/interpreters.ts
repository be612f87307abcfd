import { extname } from "node:path";
import { HomieError } from "../../resources/errors.ts";

const byExtension: Readonly<Record<string, string>> = {
  ".py": "python3",
  ".js": "node",
  ".mjs": "node",
  ".cjs": "node",
  ".ts": "node",
  ".sh": "sh",
  ".rb": "ruby",
  ".pl": "perl",
  ".php": "php",
};

/**
 * How a script is run: by its extension, else by its first line (`#!`). `scriptName` is as the program will see it,
 * relative to the work directory. Throws HomieError Usage when neither tells.
 */
export function argvForScript(scriptName: string, firstLine: string, args: readonly string[]): string[] {
  const shebang = parseShebang(firstLine);
  const usual = byExtension[extname(scriptName).toLowerCase()];
  // A .sh file that asks for bash would break on sh's smaller language.
  if (usual === "sh" && shebang.at(-1) === "bash") return ["bash", asOperand(scriptName), ...args];
  if (usual !== undefined) return [usual, asOperand(scriptName), ...args];
  if (shebang.length > 0) return [...shebang, asOperand(scriptName), ...args];
  throw new HomieError("Usage", `cannot tell what runs ${scriptName}`, {
    hint: `give it one of ${Object.keys(byExtension).join(" ")} or a first line like #!/usr/bin/env python3, or use command`,
  });
}

/** `/usr/bin/env` is left out, because PATH is searched anyway; absolute interpreters become names found in PATH. */
function parseShebang(firstLine: string): string[] {
  const match = /^#!\s*(\S+)\s*(.*?)\s*$/.exec(firstLine);
  if (match === null) return [];
  const words = [match[1] ?? "", ...(match[2] ?? "").split(/\s+/)].filter((word) => word !== "");
  const withoutEnv = baseName(words[0]) === "env" ? words.slice(1).filter((word) => word !== "-S") : words;
  const [interpreter, ...options] = withoutEnv;
  return interpreter === undefined ? [] : [baseName(interpreter), ...options];
}

function baseName(path: string | undefined): string {
  return path?.slice(path.lastIndexOf("/") + 1) ?? "";
}

/** A file called "-c" must not be taken for an option. */
function asOperand(scriptName: string): string {
  return scriptName.startsWith("-") ? `./${scriptName}` : scriptName;
}
