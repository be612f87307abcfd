import { createHash } from "node:crypto";

/** A container's settings as Engine 20.10 writes them when there are none; the order of the fields counts. */
const noSettings = {
  ...{ Hostname: "", Domainname: "", User: "", AttachStdin: false, AttachStdout: false, AttachStderr: false },
  ...{ Tty: false, OpenStdin: false, StdinOnce: false, Env: null, Cmd: null, Image: "", Volumes: null },
  ...{ WorkingDir: "", Entrypoint: null, OnBuild: null, Labels: null },
};

/**
 * Engines before 25 name the directories of `docker save` by ids made of the chain of layers below
 * (moby `image/v1/imagev1.go`, CreateID). Computed here, they tell a layer before its bytes come. The topmost layer's id
 * also depends on the configuration and is left out, and an engine whose time zone is not UTC has other ids: a name that
 * is not in the map says nothing.
 */
export function savedLayerNames(layers: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  let chainId = "";
  let parent: string | undefined;
  for (const diffId of layers.slice(0, -1)) {
    chainId = chainId === "" ? diffId : `sha256:${sha256(`${chainId} ${diffId}`)}`;
    const facts = { container_config: noSettings, created: "1970-01-01T00:00:00Z", layer_id: chainId };
    const name = sha256(JSON.stringify({ ...facts, ...(parent === undefined ? {} : { parent }) }));
    names.set(name, diffId);
    parent = `sha256:${name}`;
  }
  return names;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
