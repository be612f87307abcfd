import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";
import { DockerClient } from "./client.ts";
import { HomieError } from "../../resources/errors.ts";

/** Where an engine may be listening. */
export interface EngineAddress {
  readonly options: Docker.DockerOptions;
  /** For people: `unix:///var/run/docker.sock`. */
  readonly shown: string;
}

/** The engine in use; asked again for its address when it does not answer, as Docker Desktop comes and goes. */
export interface Engine {
  /** Throws EngineUnavailable for a DOCKER_HOST that cannot be used. */
  docker(): Docker;
  shown(): string;
  forget(): void;
}

export interface EnginePlaces {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
  readonly exists?: (path: string) => boolean;
  readonly read?: (path: string) => string;
}

/** Follows DOCKER_HOST, else the first socket that exists, else the customary one, so that errors can name it. */
export function findEngine(places: EnginePlaces): EngineAddress {
  const host = places.env["DOCKER_HOST"];
  if (host !== undefined && host !== "") return parseDockerHost(host, places);
  if (process.platform === "win32") return atSocket("//./pipe/docker_engine", "npipe://");
  const exists = places.exists ?? existsSync;
  const candidates = defaultSockets(places);
  return atSocket(candidates.find(exists) ?? "/var/run/docker.sock", "unix://");
}

function defaultSockets({ env, homeDirectory }: EnginePlaces): readonly string[] {
  const runtimeDirectory = env["XDG_RUNTIME_DIR"];
  return [
    "/var/run/docker.sock",
    join(homeDirectory, ".docker", "run", "docker.sock"),
    ...(runtimeDirectory === undefined ? [] : [join(runtimeDirectory, "docker.sock")]),
    join(homeDirectory, ".colima", "default", "docker.sock"),
    ...(runtimeDirectory === undefined ? [] : [join(runtimeDirectory, "podman", "podman.sock")]),
    "/run/podman/podman.sock",
  ];
}

function parseDockerHost(host: string, places: EnginePlaces): EngineAddress {
  if (host.startsWith("unix://")) return atSocket(host.slice("unix://".length), "unix://");
  if (host.startsWith("npipe://")) return atSocket(host.slice("npipe://".length), "npipe://");
  const url = parseTcp(host);
  const secure = url.protocol === "https:" || (places.env["DOCKER_TLS_VERIFY"] ?? "") !== "";
  const port = url.port === "" ? (secure ? 2376 : 2375) : Number(url.port);
  return {
    shown: host,
    options: {
      ...withoutEnvironment,
      host: url.hostname,
      port,
      protocol: secure ? "https" : "http",
      ...(secure ? readCertificates(places) : {}),
    },
  };
}

function parseTcp(host: string): URL {
  const url = URL.parse(host.includes("://") ? host : `tcp://${host}`);
  if (url !== null && ["tcp:", "http:", "https:"].includes(url.protocol) && url.hostname !== "") return url;
  throw new HomieError("EngineUnavailable", `DOCKER_HOST "${host}" cannot be used`, {
    hint: "set it to unix:///path/to/docker.sock or tcp://host:port; forward a remote socket with ssh -L",
  });
}

function readCertificates({
  env,
  homeDirectory,
  read,
}: EnginePlaces): Pick<Docker.DockerOptions, "ca" | "cert" | "key"> {
  const directory = env["DOCKER_CERT_PATH"] ?? join(homeDirectory, ".docker");
  const readText = read ?? ((path: string): string => readFileSync(path, "utf8"));
  try {
    const [ca, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map((name) => readText(join(directory, name)));
    return { ca, cert, key };
  } catch (error) {
    throw new HomieError("EngineUnavailable", `the TLS files of DOCKER_CERT_PATH cannot be read in ${directory}`, {
      hint: "it must hold ca.pem, cert.pem and key.pem",
      cause: error,
    });
  }
}

/** The client reads DOCKER_HOST by itself and lets it win over what it is given, unless these keys are there. */
const withoutEnvironment = { host: undefined, port: undefined, socketPath: undefined } as const;

function atSocket(path: string, scheme: "unix://" | "npipe://"): EngineAddress {
  return { shown: `${scheme}${path}`, options: { ...withoutEnvironment, protocol: "http", socketPath: path } };
}

export function createEngine(find: () => EngineAddress): Engine {
  let connected: { readonly docker: Docker; readonly shown: string } | undefined;
  function connect(): { readonly docker: Docker; readonly shown: string } {
    if (connected === undefined) {
      const { options, shown } = find();
      connected = { docker: new DockerClient(options), shown };
    }
    return connected;
  }
  return {
    docker: () => connect().docker,
    shown: () => connect().shown,
    forget(): void {
      connected = undefined;
    },
  };
}
