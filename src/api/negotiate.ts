/** In which shape a client wants objects. `partial` is PartialObjectMetadata: everything but spec and status. */
export type Form = "object" | "table" | "partial";

interface Clause {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * The first clause of an Accept header that can be served, from left to right; undefined means 406. Weights are not
 * weighed: Kubernetes clients list what they want in order, and skip what they do not understand (protobuf, CBOR).
 */
export function negotiateForm(accept: string | undefined): Form | undefined {
  for (const clause of parseAccept(accept)) {
    if (!isJson(clause)) continue;
    const { as, g, v } = clause.parameters;
    if (as === undefined) return "object";
    if (g !== "meta.k8s.io" || v !== "v1") continue;
    if (as === "Table") return "table";
    if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") return "partial";
  }
  return undefined;
}

/** `v2` or `v2beta1` when the client asks for aggregated discovery first, `plain` otherwise; undefined means 406. */
export function negotiateDiscovery(accept: string | undefined): "v2" | "v2beta1" | "plain" | undefined {
  for (const clause of parseAccept(accept)) {
    if (!isJson(clause)) continue;
    const { as, g, v } = clause.parameters;
    if (as === undefined) return "plain";
    if (as === "APIGroupDiscoveryList" && g === "apidiscovery.k8s.io" && (v === "v2" || v === "v2beta1")) return v;
  }
  return undefined;
}

/** Whether a clause names exactly this media type. */
export function acceptsExactly(accept: string | undefined, type: string): boolean {
  return parseAccept(accept).some((clause) => clause.type === type);
}

function parseAccept(accept: string | undefined): readonly Clause[] {
  const text = accept === undefined || accept.trim() === "" ? "*/*" : accept;
  return text
    .split(",")
    .map(parseClause)
    .filter((clause) => clause.parameters["q"] !== "0");
}

function parseClause(text: string): Clause {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim());
  const parameters = rest.map((part) => {
    const [name = "", value = ""] = part.split("=", 2);
    return [name.toLowerCase(), value.replace(/^"(.*)"$/, "$1")] as const;
  });
  return { type: type.toLowerCase(), parameters: Object.fromEntries(parameters) };
}

function isJson(clause: Clause): boolean {
  return clause.type === "application/json" || clause.type === "application/*" || clause.type === "*/*";
}
