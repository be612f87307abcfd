import { kindText } from "../../resources/samples.ts";
import { named, refused, taken, withLines, type YamlCase } from "./case.ts";

const digest = `sha256:${"a".repeat(64)}`;
const image = (text: string): string => withLines(`image: ${text}`);
const outputs = (glob: string): string => withLines(`outputs: [{paths: [${JSON.stringify(glob)}]}]`);
const cpu = (text: string): string => withLines(`resources: {cpu: ${text}}`);
const memory = (text: string): string => withLines(`resources: {memory: ${text}}`);
const env = (name: string, value = "v"): string =>
  withLines(`env: [{name: ${JSON.stringify(name)}, value: ${JSON.stringify(value)}}]`);

/** Y-12 to Y-16: names of fields and objects, and values that other tools read differently. */
const nameCases: readonly YamlCase[] = [
  refused("Y-12", "__proto__ as a field", withLines("__proto__: {polluted: true}"), /unknown field "__proto__"/),
  refused("Y-12", "__proto__ at the top", `${withLines()}__proto__: {polluted: true}\n`, /unknown field "__proto__"/),
  refused("Y-12", "constructor as a field", withLines("constructor: {prototype: {polluted: 1}}"), /"constructor"/),
  refused("Y-12", "toString as a field", withLines("toString: 1"), /^7:3 spec\.toString: unknown field "toString"/),
  refused("Y-12", "hasOwnProperty as a field", withLines("hasOwnProperty: 1"), /unknown field "hasOwnProperty"/),
  refused("Y-12", "__proto__ as a label", named("x\n  labels: {__proto__: a}"), /"__proto__" is not a label key/),
  refused("Y-12", "__proto__ as an annotation", named("x\n  annotations: {__proto__: a}"), /"__proto__" is not/),
  refused("Y-12", "__proto__ as a name", named("__proto__"), /^4:9 metadata\.name: must be a DNS label/),
  refused("Y-12", "toString as a kind", withLines().replace("kind: Job", "kind: toString"), /unknown kind "toString"/),
  refused("Y-13", "a bare no", image("no"), /^7:10 spec\.image: no without quotes/),
  refused("Y-13", "a bare on in a list", withLines("args: [on]"), /^7:10 spec\.args\[0\]: on without quotes/),
  refused("Y-13", "a bare yes for a boolean", withLines("suspend: yes"), /spec\.suspend: .*write true/),
  refused("Y-13", "012 for a text", image("012"), /^7:10 spec\.image: must be text.*"012"/),
  refused("Y-13", "012 for a number", withLines("priority: 012"), /spec\.priority: 012 is not a plain decimal/),
  refused("Y-13", "0o12 for a number", withLines("priority: 0o12"), /spec\.priority: 0o12 is not a plain decimal/),
  refused("Y-13", "1e3 for a text", withLines("peer: 1e3"), /spec\.peer: must be text.*"1e3"/),
  refused("Y-13", "0x10", withLines("timeoutSeconds: 0x10"), /timeoutSeconds: 0x10 is not a plain decimal/),
  refused("Y-13", "not a number", cpu(".nan"), /spec\.resources\.cpu: must be a number or a quantity/),
  refused("Y-13", "infinity", cpu(".inf"), /spec\.resources\.cpu: /),
  refused("Y-13", "null for a text", image("~"), /spec\.image: must be text/),
  taken("Y-13", "a date as a text", withLines("args: [2026-01-01]"), { script: "a.py", args: ["2026-01-01"] }),
  taken("Y-13", "no in quotes", image('"no"'), { script: "a.py", image: "no" }),
  refused("Y-14", "cpu 1e308", cpu("1e308"), /cpu: must be at most 1024.*thousandths with m/),
  refused("Y-14", "cpu -1", cpu("-1"), /cpu: must be at least 0\.01/),
  refused("Y-14", "cpu 0", cpu("0"), /cpu: must be at least 0\.01/),
  refused("Y-14", "cpu 0.0001", cpu("0.0001"), /cpu: must be at least 0\.01/),
  refused("Y-14", "cpu as a word", cpu("two"), /cpu: "two" is not/),
  taken("Y-14", "cpu in quotes", cpu('"2"'), { script: "a.py", resources: { cpu: "2" } }),
  refused("Y-14", "memory 4gg", memory("4gg"), /memory: "4gg" is not a size; .*Ki Mi Gi Ti.*K M G T/),
  refused("Y-14", "memory 9999999t", memory("9999999t"), /memory: "9999999t" is not a size/),
  refused("Y-14", "memory -4g", memory("-4g"), /memory: "-4g" is not a size/),
  taken("Y-14", "memory 4G", memory("4G"), { script: "a.py", resources: { memory: "4G" } }),
  taken("Y-14", "memory 4Gi", memory("4Gi"), { script: "a.py", resources: { memory: "4Gi" } }),
  refused("Y-15", "a typo in a field", withLines("imgae: a"), /^7:3 spec\.imgae: .*did you mean "image"\?/),
  refused("Y-15", "a wrong apiVersion", withLines().replace("dev/v1", "dev/v9"), /^1:13 apiVersion: .*did you mean/),
  refused("Y-15", "a wrong kind", withLines().replace("Job", "Jbo"), /^2:7 kind: .*did you mean "Job"/),
  refused(
    "Y-15",
    "a kind of Kubernetes",
    withLines().replace("kind: Job", "kind: Pod"),
    /^2:7 kind: unknown kind "Pod"/,
  ),
  refused("Y-15", "a field in capitals", withLines("Image: a"), /spec\.Image: .*did you mean "image"\?/),
  refused(
    "Y-16",
    "254 characters",
    named("a".repeat(254)),
    /^4:9 metadata\.name: is too long: 254 characters, at most 63/,
  ),
  refused("Y-16", "64 characters", named("a".repeat(64)), /metadata\.name: is too long: 64 characters/),
  refused("Y-16", "capitals", named("Train"), /metadata\.name: must be a DNS label/),
  refused("Y-16", "a path", named("../x"), /metadata\.name: must be a DNS label/),
  refused("Y-16", "a slash", named("a/b"), /metadata\.name: must be a DNS label/),
  refused("Y-16", "an emoji", named("🚀"), /metadata\.name: must be a DNS label/),
  refused("Y-16", "a homoglyph", named("b\u043eb"), /metadata\.name: must be a DNS label/),
  refused("Y-16", "a trailing dot", named("x."), /metadata\.name: must be a DNS label/),
  refused("Y-16", "a trailing hyphen", named("x-"), /metadata\.name: must be a DNS label/),
  refused("Y-16", "nothing", named('""'), /metadata\.name: must not be empty/),
  refused("Y-16", "an escape sequence", named('"x\\e[2Jy"'), /metadata\.name: must be a DNS label/),
];

/** Y-22 to Y-27: values that are too many, too long or reach where they must not. */
const valueCases: readonly YamlCase[] = [
  refused(
    "Y-22",
    "10,000 args",
    () => withLines(`args: [${"a,".repeat(10_000)}]`),
    /has too many items: 10000, at most 256/,
  ),
  refused("Y-22", "args of 10 MB", () => withLines(`args: ["${"a".repeat(10_000_000)}"]`), /at most 1048576 are read/),
  refused(
    "Y-22",
    "args of 200 KiB",
    () => withLines(`args: [${`"${"a".repeat(100_000)}",`.repeat(2)}]`),
    /spec\.args: is too long/,
  ),
  refused("Y-22", "= in the name of a variable", env("A=B"), /env\[0\]\.name: must be letters/),
  refused("Y-22", "a newline in the name of a variable", env("A\nB"), /env\[0\]\.name: must be letters/),
  refused("Y-22", "a NUL in the name of a variable", env("A\0B"), /env\[0\]\.name: must be letters/),
  refused("Y-22", "a NUL in a variable", env("A", "a\0b"), /env\[0\]\.value: must not hold a NUL/),
  refused("Y-22", "a NUL in an argument", withLines('args: ["a\\0"]'), /args\[0\]: must not hold a NUL/),
  refused("Y-22", "a variable of 200 KiB", () => env("A", "v".repeat(200_000)), /spec\.env.*too long/),
  refused("Y-23", "spaces", image('"a b"'), /spec\.image: must be a Docker image reference/),
  refused("Y-23", "an option", image("--privileged"), /spec\.image: must be a Docker image reference/),
  refused("Y-23", "a URL", image("https://x/y"), /spec\.image: .*is a URL/),
  refused("Y-23", "1,000 characters", image("a".repeat(1000)), /spec\.image: is too long/),
  refused("Y-23", "capitals", image("Python"), /spec\.image: .*capital letters/),
  refused("Y-23", "a digest that is too short", image("python@sha256:abc"), /spec\.image: .*digest/),
  refused("Y-23", "a way out of the registry", image("a/../b"), /spec\.image: /),
  taken("Y-23", "a local registry", image("localhost:5000/x:1"), { script: "a.py", image: "localhost:5000/x:1" }),
  taken("Y-23", "tag and digest", image(`python:3@${digest}`), { script: "a.py", image: `python:3@${digest}` }),
  refused(
    "Y-26",
    "a Peer with a key of another length",
    kindText("Peer", "wireguardKey: abc"),
    /wireguardKey: is too short/,
  ),
  refused(
    "Y-26",
    "a Peer at a port that does not exist",
    kindText("Peer", "address: host:99999"),
    /address: has a port/,
  ),
  refused("Y-27", "an absolute output", outputs("/etc/*"), /outputs\[0\]\.paths\[0\]: must be relative/),
  refused("Y-27", "an output above", outputs("../**"), /paths\[0\]: must not leave/),
  refused("Y-27", "an output above in the middle", outputs("a/../../b"), /paths\[0\]: must not leave/),
  refused("Y-27", "an output above in braces", outputs("{..,a}/**"), /paths\[0\]: /),
  refused("Y-27", "an output in a home", outputs("~/x"), /paths\[0\]: must be relative/),
  refused("Y-27", "100 globstars", outputs("**/".repeat(100)), /paths\[0\]: is too long/),
  refused("Y-27", "50 globstars", outputs("**/".repeat(50)), /paths\[0\]: has more than 4 times \*\*/),
  refused("Y-27", "17 stars", outputs("*a".repeat(17)), /paths\[0\]: has more than 16 wildcards/),
  refused("Y-27", "braces in braces", outputs("{a,{b,c}}"), /paths\[0\]: must not nest braces/),
  refused("Y-27", "a range", outputs("{1..999999999}"), /paths\[0\]: must not use ranges/),
  refused("Y-27", "an extended pattern", outputs("+(a|aa)+(a|aa)"), /paths\[0\]: must not use extended patterns/),
];

export const fieldCases: readonly YamlCase[] = [...nameCases, ...valueCases];
