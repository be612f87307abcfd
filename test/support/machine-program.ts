import { headerBytes, little32, little64, loadAddress, renderElfHeader } from "../contract/syscall-probe.ts";

/** A number, bytes whose address is passed, or what the call before answered (first argument only). */
export type Argument = bigint | Uint8Array | "last";

/** One system call of x86-64 Linux. */
export interface Call {
  readonly number: number;
  readonly args?: readonly Argument[];
  /** Again and again, until it fails. */
  readonly untilError?: true;
}

/** mov REGISTER, imm64 for rdi, rsi, rdx, r10, r8. */
const loads = [
  [0x48, 0xbf],
  [0x48, 0xbe],
  [0x48, 0xba],
  [0x49, 0xba],
  [0x49, 0xb8],
] as const;
const [moveLastToFirst, keepLast, testResult] = [
  [0x4c, 0x89, 0xe7], // mov rdi, r12
  [0x49, 0x89, 0xc4], // mov r12, rax
  [0x48, 0x85, 0xc0], // test rax, rax
] as const;
const exitWithErrno = Buffer.from([0xf7, 0xd8, 0x89, 0xc7, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]);

/**
 * A whole program that makes system calls one after the other and exits with the errno of the last (256 minus a small
 * result). Test images hold no compiler, and a shell cannot make these calls.
 */
export function renderProgram(calls: readonly Call[]): Buffer {
  const pieces: Buffer[] = [];
  const codeBytes = calls.reduce((sum, call) => sum + renderCall(call, () => 0n).length, exitWithErrno.length);
  let dataAt = loadAddress + BigInt(headerBytes + codeBytes);
  const place = (bytes: Uint8Array): bigint => {
    const at = dataAt;
    pieces.push(Buffer.from(bytes));
    dataAt += BigInt(bytes.length);
    return at;
  };
  const code = Buffer.concat([...calls.map((call) => renderCall(call, place)), exitWithErrno]);
  const body = Buffer.concat([code, ...pieces]);
  return Buffer.concat([renderElfHeader(headerBytes + body.length), body]);
}

function renderCall({ number, args = [], untilError }: Call, place: (bytes: Uint8Array) => bigint): Buffer {
  const moves = loads.map((opcode, index) => {
    const argument = args[index] ?? 0n;
    if (argument === "last") return Buffer.from(moveLastToFirst);
    return Buffer.concat([Buffer.from(opcode), little64(typeof argument === "bigint" ? argument : place(argument))]);
  });
  const call = [Buffer.from([0xb8]), little32(number), Buffer.from([0x0f, 0x05]), Buffer.from(keepLast)];
  const once = Buffer.concat([...moves, ...call]);
  if (untilError !== true) return once;
  const jump = Buffer.from([0x79, 256 - (once.length + testResult.length + 2)]); // jns to the start
  return Buffer.concat([once, Buffer.from(testResult), jump]);
}
