/** Longest name a tree may hold; the same on every operating system, so that a tree made on one unpacks on another. */
const nameLimits = { componentBytes: 255, pathBytes: 1024, depth: 32 } as const;

// Windows opens these as devices whatever the extension:
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
const deviceName = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$/i;
// C0, DEL and C1: they reach a terminal when a name is printed.
const controlCharacter = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Why `path` (relative, forward slashes, no trailing slash) must not be written anywhere, or undefined if it may.
 * One rule for what travels to an executor and what comes home.
 */
export function unsafeNameReason(path: string): string | undefined {
  const broken = pathRules.find((rule) => rule.breaks(path));
  if (broken !== undefined) return broken.reason;
  return path
    .split("/")
    .map(unsafeComponentReason)
    .find((reason) => reason !== undefined);
}

const pathRules: readonly { readonly reason: string; breaks(path: string): boolean }[] = [
  { reason: "the name is empty", breaks: (path) => path === "" },
  { reason: "the path is absolute", breaks: (path) => path.startsWith("/") },
  { reason: "the name is not valid UTF-8", breaks: (path) => !path.isWellFormed() || path.includes("\ufffd") },
  { reason: "the name holds a control character", breaks: (path) => controlCharacter.test(path) },
  { reason: "the name holds a backslash", breaks: (path) => path.includes("\\") },
  { reason: "the name holds a colon", breaks: (path) => path.includes(":") },
  {
    reason: `the path is longer than ${nameLimits.pathBytes} bytes`,
    breaks: (path) => Buffer.byteLength(path) > nameLimits.pathBytes,
  },
  {
    reason: `the path is deeper than ${nameLimits.depth} directories`,
    breaks: (path) => path.split("/").length > nameLimits.depth,
  },
  { reason: "the path starts with ~", breaks: (path) => path === "~" || path.startsWith("~/") },
];

function unsafeComponentReason(component: string): string | undefined {
  if (component === "") return "the path has an empty component";
  if (component === "." || component === "..") return `the path has a "${component}" component`;
  if (component.endsWith(" ") || component.endsWith(".")) return "a component ends in a space or a dot";
  if (deviceName.test(component)) return "a component is a device name on Windows";
  if (Buffer.byteLength(component) > nameLimits.componentBytes) {
    return `a component is longer than ${nameLimits.componentBytes} bytes`;
  }
  return undefined;
}

/**
 * Equal for names that some file system takes for the same file: case is folded and composition normalised. Upper case
 * first, because only that direction expands ligatures and sharp s the way full case folding does.
 */
export function collisionKey(path: string): string {
  return path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
}
