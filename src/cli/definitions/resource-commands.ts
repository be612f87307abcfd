import type { Command } from "commander";
import type { ApplyOptions } from "../commands/apply.ts";
import type { DeleteOptions } from "../commands/delete.ts";
import type { DiffOptions } from "../commands/diff.ts";
import type { GetOptions } from "../commands/get.ts";
import type { WaitOptions } from "../commands/wait.ts";
import { collect, defineCommand } from "./define.ts";
import type { Launch } from "./define.ts";

const outputHelp = "table, wide, json, yaml, name, jsonpath=TEMPLATE or custom-columns=HEADER:PATH,...";

/** Commands about objects; every import of a command waits until it is asked for, so each pays for itself only. */
export function addResourceCommands(program: Command, launch: Launch): void {
  addReading(program, launch);
  addAsking(program, launch);
  addWriting(program, launch);
  addChanging(program, launch);
}

function addReading(program: Command, launch: Launch): void {
  defineCommand(program, {
    usage: "get <what...>",
    summary: "list objects, or show some of them",
    examples: [
      "homie get jobs",
      "homie get jobs -w",
      "homie get job/train -o yaml",
      "homie get jobs -o jsonpath='{.items[*].metadata.name}'",
      "homie get jobs,limits -l team=ml",
    ],
  })
    .usage("KIND[,KIND] | KIND NAME... | KIND/NAME... [options]")
    .option("-o, --output <format>", outputHelp)
    .option("-w, --watch", "go on and print a row for each change")
    .option("-l, --selector <selector>", "only objects with these labels: a=b,c!=d")
    .option("--field-selector <selector>", "only objects with these fields: status.phase=Failed")
    .option("--no-headers", "without the line of column names")
    .option("--sort-by <path>", "sort by a field: .metadata.creationTimestamp")
    .option("--ignore-not-found", "no error for names that do not exist")
    .action(
      async (words: string[], options: GetOptions, command: Command) =>
        await launch(command, async (context) => (await import("../commands/get.ts")).runGet(context, words, options)),
    );

  defineCommand(program, {
    usage: "describe <what...>",
    summary: "tell everything about an object: fields, conditions, attempts, placement, outputs, events",
    examples: ["homie describe job train", "homie describe limits default"],
  })
    .usage("KIND NAME... | KIND/NAME... [options]")
    .option("-l, --selector <selector>", "only objects with these labels")
    .action(
      async (words: string[], options: { selector?: string }, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/describe.ts")).runDescribe(context, words, options),
        ),
    );
}

function addAsking(program: Command, launch: Launch): void {
  defineCommand(program, {
    usage: "explain <path>",
    summary: "tell what a field means",
    examples: ["homie explain job", "homie explain job.spec.outputs", "homie explain limits --recursive"],
  })
    .option("--recursive", "all fields below, names and types only")
    .action(
      async (path: string, options: { recursive?: boolean }, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/explain.ts")).runExplain(context, path, options),
        ),
    );

  defineCommand(program, {
    usage: "wait <what...>",
    summary: "wait until something is true of an object",
    examples: [
      "homie wait job/train --for=finished --timeout 10m",
      "homie wait job/train --for=finished --exit-code",
      "homie wait job/train --for=phase=Running",
      "homie wait job/train --for=jsonpath='{.status.attempt}'=2",
    ],
  })
    .usage("KIND/NAME... --for=WISH [options]")
    .requiredOption(
      "--for <wish>",
      "finished, complete, failed, delete, condition=X[=V], phase=P or jsonpath='{...}'=V",
    )
    .option("--timeout <duration>", "give up after this time with exit code 124: 90s, 10m")
    .option("--exit-code", "end with the job's own exit code")
    .action(
      async (words: string[], options: WaitOptions, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/wait.ts")).runWait(context, words, options),
        ),
    );
}

function addWriting(program: Command, launch: Launch): void {
  defineCommand(program, {
    usage: "apply",
    summary: "make objects be what files say",
    examples: [
      "homie apply -f job.yaml",
      "homie apply -f jobs/ -R --prune -l team=ml",
      "cat job.yaml | homie apply -f - --wait",
      "homie apply -f job.yaml --dry-run",
    ],
  })
    .requiredOption("-f, --filename <path>", "a file, a directory or - for stdin; may be repeated", collect)
    .option("-R, --recursive", "directories below, too")
    .option("-l, --selector <selector>", "only documents with these labels")
    .option("--prune", "delete objects with the labels of -l that the input no longer names")
    .option("--dry-run", "only say what would be done")
    .option("--force-conflicts", "the input wins over changes made by hand in desired/")
    .option("--wait", "wait until the jobs are finished; exit code 1 if one of them did not succeed")
    .option("--timeout <duration>", "with --wait: give up after this time with exit code 124")
    .option("-o, --output <format>", "json for scripts")
    .action(
      async (options: ApplyOptions, command: Command) =>
        await launch(command, async (context) => (await import("../commands/apply.ts")).runApply(context, options)),
    );

  defineCommand(program, {
    usage: "diff",
    summary: "show what apply would change; exit code 1 if anything",
    examples: ["homie diff -f job.yaml", "homie diff -f jobs/ -R"],
  })
    .requiredOption("-f, --filename <path>", "a file, a directory or - for stdin; may be repeated", collect)
    .option("-R, --recursive", "directories below, too")
    .option("-l, --selector <selector>", "only documents with these labels")
    .option("--force-conflicts", "as if applied with --force-conflicts")
    .action(
      async (options: DiffOptions, command: Command) =>
        await launch(command, async (context) => (await import("../commands/diff.ts")).runDiff(context, options)),
    );
}

function addChanging(program: Command, launch: Launch): void {
  defineCommand(program, {
    usage: "edit <what...>",
    summary: "change an object in your editor",
    examples: ["homie edit job/train", "EDITOR='code --wait' homie edit limits default"],
  })
    .usage("KIND/NAME | KIND NAME [options]")
    .action(
      async (words: string[], _options: unknown, command: Command) =>
        await launch(command, async (context) => (await import("../commands/edit.ts")).runEdit(context, words)),
    );

  defineCommand(program, {
    usage: "delete [what...]",
    summary: "delete objects and wait until they are gone",
    examples: [
      "homie delete job/train",
      "homie delete jobs -l team=ml",
      "homie delete -f jobs/",
      "homie delete job train --wait=false",
    ],
  })
    .usage("KIND NAME... | KIND/NAME... | KIND -l SELECTOR | -f FILE [options]")
    .option("-f, --filename <path>", "delete what these files name; may be repeated", collect)
    .option("-R, --recursive", "directories below, too")
    .option("-l, --selector <selector>", "all objects with these labels")
    .option("--wait [yes]", "wait until they are gone (default: true)")
    .option("--timeout <duration>", "give up waiting after this time with exit code 124")
    .option("--ignore-not-found", "no error for what does not exist")
    .action(
      async (words: string[], options: DeleteOptions, command: Command) =>
        await launch(command, async (context) =>
          (await import("../commands/delete.ts")).runDelete(context, words, options),
        ),
    );
}
