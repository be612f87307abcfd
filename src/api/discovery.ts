import { kinds } from "../resources/kinds.ts";
import type { KindEntry } from "../resources/kinds.ts";
import type { ApiOptions } from "./context.ts";
import { json } from "./http.ts";
import type { Responder } from "./http.ts";
import { negotiateDiscovery } from "./negotiate.ts";
import { varied } from "./read.ts";
import { StatusFailure } from "./status-error.ts";

const group = "homie.dev";
const groupVersion = { groupVersion: `${group}/v1`, version: "v1" };
const groupEntry = { name: group, versions: [groupVersion], preferredVersion: groupVersion };

const readVerbs = ["get", "list", "watch"] as const;
const allVerbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"] as const;

/** What one path segment below an API version serves. */
interface ServedResource {
  readonly group: string;
  readonly name: string;
  readonly singularName: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly { readonly name: string; readonly verbs: readonly string[] }[];
}

const events: ServedResource = {
  group: "",
  name: "events",
  singularName: "event",
  kind: "Event",
  // As everywhere: clients that know core/v1 build the path with a namespace without asking.
  namespaced: true,
  verbs: readVerbs,
  shortNames: ["ev"],
  categories: [],
  subresources: [],
};

function served(entry: KindEntry): ServedResource {
  const jobOnly = [
    { name: "log", verbs: ["get"] },
    { name: "cancel", verbs: ["create"] },
  ];
  return {
    group,
    name: entry.plural,
    singularName: entry.singular,
    kind: entry.kind,
    namespaced: false,
    verbs: entry.declared ? allVerbs : readVerbs,
    shortNames: entry.shortNames,
    categories: entry.categories,
    subresources: [{ name: "status", verbs: ["get"] }, ...(entry.kind === "Job" ? jobOnly : [])],
  };
}

export const discovery: Readonly<Record<"core" | "groups" | "group" | "homie" | "coreResources", Responder>> = {
  core: negotiated({ kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] }, "", [events]),
  groups: negotiated({ kind: "APIGroupList", apiVersion: "v1", groups: [groupEntry] }, group, kinds.map(served)),
  group: () => json({ kind: "APIGroup", apiVersion: "v1", ...groupEntry }),
  homie: () => json(resourceList(groupVersion.groupVersion, kinds.map(served))),
  coreResources: () => json(resourceList("v1", [events])),
};

/** The newest kubectl this was tried with; kubectl warns when it is more than one minor away. */
const kubernetesMinor = "32";

export function versionResponder(options: ApiOptions): Responder {
  return () =>
    json({
      major: "1",
      minor: kubernetesMinor,
      gitVersion: `v1.${kubernetesMinor}.0+homie-${options.version}`,
      gitCommit: "",
      gitTreeState: "clean",
      buildDate: "1970-01-01T00:00:00Z",
      goVersion: "",
      compiler: "node",
      platform: `${process.platform}/${process.arch}`,
      homieVersion: options.version,
    });
}

/** Since 1.27 kubectl asks for one aggregated document; older ones take the plain answer and ask group by group. */
function negotiated(plain: object, groupName: string, resources: readonly ServedResource[]): Responder {
  return (request) => {
    const wanted = negotiateDiscovery(request.header("accept"));
    if (wanted === undefined) throw new StatusFailure(406, "NotAcceptable", "discovery is served as JSON only");
    if (wanted === "plain") return json(plain, 200, varied);
    const contentType = `application/json;g=apidiscovery.k8s.io;v=${wanted};as=APIGroupDiscoveryList`;
    return json(aggregated(wanted, groupName, resources), 200, { ...varied, "content-type": contentType });
  };
}

function aggregated(version: "v2" | "v2beta1", groupName: string, resources: readonly ServedResource[]): object {
  const versions = [{ version: "v1", freshness: "Current", resources: resources.map(aggregatedResource) }];
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: [{ metadata: { name: groupName, creationTimestamp: null }, versions }],
  };
}

function aggregatedResource(resource: ServedResource): object {
  const responseKind = { group: resource.group, version: "v1", kind: resource.kind };
  return {
    resource: resource.name,
    responseKind,
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: resource.singularName,
    verbs: resource.verbs,
    shortNames: resource.shortNames,
    categories: resource.categories,
    subresources: resource.subresources.map(({ name, verbs }) => ({ subresource: name, responseKind, verbs })),
  };
}

function resourceList(version: string, resources: readonly ServedResource[]): object {
  const flat = resources.flatMap((resource) => {
    const { name, singularName, kind, namespaced, verbs, shortNames, categories, subresources } = resource;
    const below = subresources.map((sub) => ({
      name: `${name}/${sub.name}`,
      singularName: "",
      namespaced,
      kind,
      verbs: sub.verbs,
    }));
    return [{ name, singularName, namespaced, kind, verbs, shortNames, categories }, ...below];
  });
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: version, resources: flat };
}
