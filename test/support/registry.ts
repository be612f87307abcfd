import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type Docker from "dockerode";

/** How a registry answers for one repository. */
export type Manner = "well" | "busy" | "broken" | "silent" | "nothing" | "elsewhere";
export interface TestRegistry {
  /** `127.0.0.1:PORT`; engines take a registry on loopback without TLS. */
  readonly host: string;
  readonly manners: Map<string, Manner>;
  /** What `:1` of a repository is; the text is in the image's /who. `isAlone`: it shares no layer, which engines fetch once for all. */
  put(repository: string, who: string, more?: { readonly isAlone?: boolean }): void;
  readonly asked: Map<string, number>;
  close(): Promise<void>;
}

const manifestType = "application/vnd.docker.distribution.manifest.v2+json";
const listType = "application/vnd.docker.distribution.manifest.list.v2+json";
const sha256 = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** The part of the OCI distribution API that a pull needs, over the layers of one image of an engine. */
export async function openRegistry(docker: Docker, base: string): Promise<TestRegistry> {
  const image = await saveImage(docker, base);
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, Buffer>();
  const [manners, asked] = [new Map<string, Manner>(), new Map<string, number>()];
  const held = new Set<ServerResponse>();

  function keep(bytes: Buffer): { readonly digest: string; readonly size: number } {
    blobs.set(sha256(bytes), bytes);
    return { digest: sha256(bytes), size: bytes.length };
  }

  const server = createServer((question, answer) => {
    const [, repository = "", kind, what = ""] = /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(question.url ?? "") ?? [];
    if (kind === undefined) return void answer.end("{}");
    const manner = manners.get(repository) ?? "well";
    if (kind === "manifests") asked.set(repository, (asked.get(repository) ?? 0) + 1);
    const refuse = (status: number, code: string): void =>
      void answer
        .writeHead(status, { "content-type": "application/json" })
        .end(JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] }));
    if (manner === "busy") return refuse(429, "TOOMANYREQUESTS");
    if (manner === "broken") return void answer.writeHead(503).end("out of order");
    if (manner === "nothing") return refuse(404, "MANIFEST_UNKNOWN");
    if (kind === "manifests") {
      const own = manifests.get(repository);
      const isElsewhere = manner === "elsewhere" && own !== undefined && what !== sha256(own);
      const bytes = isElsewhere ? listFor(sha256(own)) : own;
      if (bytes === undefined) return refuse(404, "MANIFEST_UNKNOWN");
      const type = bytes.includes("manifest.list") ? listType : manifestType;
      answer.writeHead(200, {
        "content-type": type,
        "docker-content-digest": sha256(bytes),
        "content-length": bytes.length,
      });
      return void answer.end(question.method === "HEAD" ? undefined : bytes);
    }
    const blob = blobs.get(what);
    if (blob === undefined) return refuse(404, "BLOB_UNKNOWN");
    answer.writeHead(200, { "content-length": blob.length, "content-type": "application/octet-stream" });
    if (manner !== "silent") return void answer.end(blob);
    // A few bytes, and then nothing at all.
    held.add(answer);
    answer.write(blob.subarray(0, 10));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    manners,
    asked,
    put(repository, who, { isAlone = false } = {}) {
      const layers = [...(isAlone ? [] : [image.layer]), tarOf("who", who)];
      const config = { ...image.config, rootfs: { type: "layers", diff_ids: layers.map(sha256) }, history: [] };
      const manifest = {
        schemaVersion: 2,
        mediaType: manifestType,
        config: {
          mediaType: "application/vnd.docker.container.image.v1+json",
          ...keep(Buffer.from(JSON.stringify(config))),
        },
        layers: layers.map((layer) => ({
          mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip",
          ...keep(gzipSync(layer)),
        })),
      };
      manifests.set(repository, Buffer.from(JSON.stringify(manifest)));
    },
    close: async () => {
      for (const each of held) each.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A list in which this machine's kind is not. */
function listFor(digest: string): Buffer {
  const platform = { architecture: "s390x", os: "linux" };
  const manifests = [{ mediaType: manifestType, size: 1000, digest, platform }];
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: listType, manifests }));
}

async function saveImage(docker: Docker, name: string): Promise<{ readonly config: object; readonly layer: Buffer }> {
  const directory = mkdtempSync(join(tmpdir(), "homie-registry-"));
  try {
    const pieces: Buffer[] = [];
    for await (const piece of (await docker.getImage(name).get()) as AsyncIterable<Buffer>) pieces.push(piece);
    writeFileSync(join(directory, "image.tar"), Buffer.concat(pieces));
    execFileSync("tar", ["-xf", "image.tar"], { cwd: directory });
    const read = (path: string): Buffer => readFileSync(join(directory, path));
    const [described] = JSON.parse(read("manifest.json").toString()) as { Config: string; Layers: string[] }[];
    if (described?.Layers[0] === undefined) throw new Error(`${name} has no layer`);
    return { config: JSON.parse(read(described.Config).toString()) as object, layer: read(described.Layers[0]) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function tarOf(name: string, text: string): Buffer {
  const directory = mkdtempSync(join(tmpdir(), "homie-layer-"));
  try {
    writeFileSync(join(directory, name), text);
    return execFileSync("tar", ["-C", directory, "--owner=0", "--group=0", "-c", name]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
