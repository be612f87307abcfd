import { homedir } from "node:os";
import { createEngine, findEngine } from "../adapters/docker/connect.ts";
import { buildDockerfile, importRootfs, type MakeOptions } from "../adapters/docker/create-image.ts";
import { editConfig, readConfig } from "../adapters/files/config.ts";
import { ensureHome } from "../adapters/files/home-lock.ts";
import type { HomePaths } from "../adapters/home.ts";
import type { Environment, Environments, EnvironmentSource } from "../cli/transport.ts";
import { HomieError } from "../resources/errors.ts";

/** Named images, in config.yaml: `envs` maps a name to an image, `default_env` is used by Jobs that name neither. */
export function createEnvironments(paths: HomePaths): Environments {
  return {
    list() {
      const { environments, defaultEnvironment } = readConfig(paths);
      const items = [...environments].map(([name, image]) => ({ name, image }));
      return Promise.resolve({
        items,
        ...(defaultEnvironment === undefined ? {} : { defaultName: defaultEnvironment }),
      });
    },
    create: (name, source, options) => create(paths, name, source, options),
    setDefault(name) {
      mustExist(paths, name);
      editConfig(paths, (draft) => draft.set(["default_env"], name));
      return Promise.resolve();
    },
    remove(name) {
      mustExist(paths, name);
      const { defaultEnvironment } = readConfig(paths);
      editConfig(paths, (draft) => {
        draft.remove(["envs", name]);
        if (defaultEnvironment === name) draft.remove(["default_env"]);
      });
      return Promise.resolve();
    },
  };
}

async function create(
  paths: HomePaths,
  name: string,
  source: EnvironmentSource,
  options: MakeOptions,
): Promise<Environment> {
  if (readConfig(paths).environments.has(name)) {
    throw new HomieError("AlreadyExists", `environment "${name}" exists already`, {
      hint: `homie env remove ${name} first`,
    });
  }
  ensureHome(paths);
  const made = await makeImage(name, source, options);
  editConfig(paths, (draft) => draft.set(["envs", name], made.image));
  return { name, ...made };
}

async function makeImage(
  name: string,
  source: EnvironmentSource,
  options: MakeOptions,
): Promise<Omit<Environment, "name">> {
  if ("image" in source) return { image: source.image };
  const image = `homie-env/${name}:latest`;
  const engine = createEngine(() => findEngine({ env: process.env, homeDirectory: homedir() }));
  if ("rootfs" in source) {
    await importRootfs(engine, source.rootfs, image, options);
    return { image, source: source.rootfs };
  }
  await buildDockerfile(engine, source.dockerfile, image, options);
  return { image, source: source.dockerfile };
}

function mustExist(paths: HomePaths, name: string): void {
  const { environments } = readConfig(paths);
  if (environments.has(name)) return;
  const known = environments.size === 0 ? "none is defined" : `known: ${[...environments.keys()].join(", ")}`;
  throw new HomieError("NotFound", `environment "${name}" is not defined`, { hint: known });
}
