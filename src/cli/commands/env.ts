import { resolve } from "node:path";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { HomieError } from "../../resources/errors.ts";
import { renderJson } from "../render/markup.ts";
import { parseJsonOnly } from "../render/output-format.ts";
import { safeLine } from "../render/safe-text.ts";
import { renderTable } from "../render/table.ts";
import type { EnvironmentSource, Environments } from "../transport.ts";

export interface EnvCreateOptions {
  readonly image?: string;
  readonly dockerfile?: string;
  readonly rootfs?: string;
}

async function openEnvironments(context: CommandContext): Promise<Environments> {
  return await (await context.composition()).environments(context.home);
}

export async function runEnvCreate(context: CommandContext, name: string, options: EnvCreateOptions): Promise<number> {
  const source = readSource(context, options);
  const environments = await openEnvironments(context);
  const { errors, output, interrupt } = context.terminal;
  const created = await environments.create(checkEnvironmentName(name), source, {
    signal: interrupt,
    onProgress: (line) => void errors.write(`${safeLine(line)}\n`),
  });
  await output.write(`${safeLine(`environment ${created.name} created (image ${created.image})`)}\n`);
  return exitCodes.ok;
}

function readSource(context: CommandContext, options: EnvCreateOptions): EnvironmentSource {
  const { image, dockerfile, rootfs } = options;
  if ([image, dockerfile, rootfs].filter((given) => given !== undefined).length !== 1) {
    throw new HomieError("Usage", "give exactly one of --image, --dockerfile and --rootfs", {
      hint: "for example --image python:3.12-slim",
    });
  }
  if (image !== undefined) return { image };
  if (dockerfile !== undefined) return { dockerfile: resolve(context.terminal.directory, dockerfile) };
  return { rootfs: resolve(context.terminal.directory, rootfs ?? "") };
}

function checkEnvironmentName(name: string): string {
  if (/^[a-z0-9]([-a-z0-9_.]{0,61}[a-z0-9])?$/iu.test(name)) return name;
  throw new HomieError("Usage", `${JSON.stringify(name)} cannot be the name of an environment`, {
    hint: "letters, digits, hyphens, dots and underscores, at most 63",
  });
}

export async function runEnvList(context: CommandContext, options: { readonly output?: string }): Promise<number> {
  const asJson = parseJsonOnly(options.output) === "json";
  const { items, defaultName } = await (await openEnvironments(context)).list();
  const { output, errors } = context.terminal;
  if (asJson) {
    await output.write(renderJson({ items, default: defaultName }));
    return exitCodes.ok;
  }
  const rows = items.map((one) => [one.name, one.name === defaultName ? "*" : "", one.image, one.source]);
  if (rows.length === 0)
    await errors.write("no environments yet; make one with `homie env create NAME --image IMAGE`\n");
  else
    await output.write(
      renderTable(
        ["Name", "Default", "Image", "Source"],
        rows.map((row) => row.map((cell) => cell ?? "-").map((cell) => (cell === "" ? " " : cell))),
        { maxWidth: output.columns },
      ),
    );
  return exitCodes.ok;
}

export async function runEnvDefault(context: CommandContext, name: string): Promise<number> {
  await (await openEnvironments(context)).setDefault(checkEnvironmentName(name));
  await context.terminal.output.write(`${safeLine(name)} is the default environment\n`);
  return exitCodes.ok;
}

export async function runEnvRemove(context: CommandContext, name: string): Promise<number> {
  await (await openEnvironments(context)).remove(checkEnvironmentName(name));
  await context.terminal.output.write(`environment ${safeLine(name)} removed; its image stays\n`);
  return exitCodes.ok;
}
