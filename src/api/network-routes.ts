import { cidrProblem, dialableProblem, hostPortProblem } from "../resources/address-rules.ts";
import { HomieError } from "../resources/errors.ts";
import type { ApiContext } from "./context.ts";
import { json } from "./http.ts";
import type { Request, Responder } from "./http.ts";
import type { MeshCreation, MeshOperations } from "./ports.ts";
import { nameOf } from "./read.ts";
import { onlyFields, readJson, readOptionalJson, requireRecord } from "./read-body.ts";
import { badRequest, renderSuccess, StatusFailure } from "./status-error.ts";

type Fields = Readonly<Record<string, unknown>>;

/** More than any join request or invite is long, with the line breaks and quoting a chat adds. */
const maxPasteLetters = 64 * 1024;
const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** A name, or the node id of a peer whose name several have. */
const peerName = /^[A-Za-z0-9]([-A-Za-z0-9._]{0,126}[A-Za-z0-9])?$/;

/** What lies below /homie/v1/network/, by path and method. */
export function networkResponders(api: ApiContext): Readonly<Record<string, Readonly<Record<string, Responder>>>> {
  const get = (look: (mesh: MeshOperations, request: Request) => Promise<unknown>): { readonly GET: Responder } => ({
    GET: async (request) => json(await look(meshOf(api), request)),
  });
  const post = (act: (mesh: MeshOperations, body: Fields) => Promise<unknown>): { readonly POST: Responder } => ({
    POST: async (request) => {
      const body = requireRecord(await readJson(request));
      return json(await act(meshOf(api), body));
    },
  });
  return {
    create: post(async (mesh, body) => await mesh.create(parseCreation(body))),
    request: { POST: requestResponder(api) },
    preview: post(async (mesh, body) => await mesh.preview(parseInvite(body))),
    invite: post(async (mesh, body) => await mesh.invite(parseInvite(body))),
    inspect: post(async (mesh, body) => await mesh.inspect(parseBundle(body))),
    join: post(async (mesh, body) => await mesh.join(parseBundle(body))),
    revoke: post(async (mesh, body) => await mesh.revoke(parseRevocation(body))),
    leave: { POST: leaveResponder(api) },
    report: get(async (mesh) => await mesh.report()),
    log: get(async (mesh) => ({ items: await mesh.log() })),
    "peers/:name/path": get(async (mesh, request) => await mesh.explain(checkPeer(nameOf(request)))),
    netcheck: get(async (mesh) => await mesh.netcheck()),
  };
}

function meshOf({ ports }: ApiContext): MeshOperations {
  if (ports.mesh !== undefined) return ports.mesh;
  const details = { errorCode: "DaemonUnavailable" as const, hint: "start it with `homie up -d`" };
  throw new StatusFailure(503, "ServiceUnavailable", "a network needs the daemon", { details });
}

function requestResponder(api: ApiContext): Responder {
  return async (request) => {
    const body = await readOptionalJson(request);
    onlyFields(body, ["name", "renew"]);
    const { renew } = body;
    if (renew !== undefined && typeof renew !== "boolean") throw badRequest('"renew" is neither true nor false');
    return json(await meshOf(api).request({ ...optionalName(body), ...(renew === undefined ? {} : { renew }) }));
  };
}

function leaveResponder(api: ApiContext): Responder {
  return async (request) => {
    onlyFields(await readOptionalJson(request), []);
    await meshOf(api).leave();
    return json(renderSuccess({ kind: "network" }));
  };
}

function parseCreation(body: Fields): MeshCreation {
  onlyFields(body, ["name", "cidr", "listenPort", "endpoint"]);
  const { name, cidr, listenPort, endpoint } = body;
  return {
    name: checkLabel(name),
    ...(cidr === undefined ? {} : { cidr: checkText(cidr, "cidr", 18, cidrProblem) }),
    ...(listenPort === undefined ? {} : { listenPort: checkPort(listenPort) }),
    ...(endpoint === undefined ? {} : { endpoint: checkText(endpoint, "endpoint", 261, endpointProblem) }),
  };
}

function parseInvite(body: Fields): { readonly request: string; readonly name?: string } {
  onlyFields(body, ["request", "name"]);
  return { request: checkPaste(body["request"], "request"), ...optionalName(body) };
}

function parseBundle(body: Fields): { readonly bundle: string } {
  onlyFields(body, ["bundle"]);
  return { bundle: checkPaste(body["bundle"], "bundle") };
}

function parseRevocation(body: Fields): { readonly peer: string } {
  onlyFields(body, ["peer"]);
  return { peer: checkPeer(body["peer"]) };
}

function optionalName(body: Fields): { readonly name?: string } {
  return body["name"] === undefined ? {} : { name: checkLabel(body["name"]) };
}

function checkLabel(value: unknown): string {
  if (typeof value === "string" && dnsLabel.test(value)) return value;
  throw badRequest('"name" is not a name: lower-case letters, digits and hyphens, at most 63');
}

function checkPeer(value: unknown): string {
  if (typeof value === "string" && peerName.test(value)) return value;
  throw badRequest('"peer" is not the name of a peer');
}

function checkPaste(value: unknown, field: string): string {
  if (typeof value !== "string" || value.trim() === "") throw badRequest(`"${field}" is missing: the text to read`);
  if (value.length <= maxPasteLetters) return value;
  throw new HomieError("TooLarge", `"${field}" is longer than ${maxPasteLetters} characters`);
}

function checkText(
  value: unknown,
  field: string,
  most: number,
  problemOf: (text: string) => string | undefined,
): string {
  if (typeof value !== "string" || value.length > most)
    throw badRequest(`"${field}" is not text of at most ${most} characters`);
  const problem = problemOf(value);
  if (problem === undefined) return value;
  throw badRequest(`"${field}" ${problem}`);
}

/** Others dial it, so it has a port and is no group and not "everywhere". */
function endpointProblem(text: string): string | undefined {
  return hostPortProblem(text, { portRequired: true }) ?? dialableProblem(text);
}

function checkPort(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65535) return value;
  throw badRequest('"listenPort" is not a port: 1 to 65535');
}
