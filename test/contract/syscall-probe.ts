/** One system call of x86-64 Linux: number and arguments; `compat` asks through the 32-bit door. */
export interface Probe {
  readonly number: number;
  readonly args?: readonly bigint[];
  readonly compat?: true;
}

export const loadAddress = 0x400000n;
export const headerBytes = 64 + 56;

/**
 * A whole program that makes one system call and exits with its errno (or 256 minus the result, for small results).
 * Written as machine code, because a test image has no compiler and a shell cannot make these calls.
 */
export function renderProbe({ number, args = [], compat }: Probe): Buffer {
  const code = compat === true ? renderCompatCall(number) : renderCall(number, args);
  const exit = Buffer.from([0xf7, 0xd8, 0x89, 0xc7, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]); // neg eax; mov edi, eax; exit(edi)
  return Buffer.concat([renderElfHeader(headerBytes + code.length + exit.length), code, exit]);
}

/** mov rdi/rsi/rdx/r10/r8, imm64; mov eax, imm32; syscall. */
function renderCall(number: number, args: readonly bigint[]): Buffer {
  const registers = [
    [0x48, 0xbf],
    [0x48, 0xbe],
    [0x48, 0xba],
    [0x49, 0xba],
    [0x49, 0xb8],
  ] as const;
  const loads = registers.map((opcode, index) => Buffer.concat([Buffer.from(opcode), little64(args[index] ?? 0n)]));
  return Buffer.concat([...loads, Buffer.from([0xb8]), little32(number), Buffer.from([0x0f, 0x05])]);
}

/** xor ebx, ebx; xor ecx, ecx; mov eax, imm32; int 0x80. */
function renderCompatCall(number: number): Buffer {
  return Buffer.concat([Buffer.from([0x31, 0xdb, 0x31, 0xc9, 0xb8]), little32(number), Buffer.from([0xcd, 0x80])]);
}

/** ELF header and one program header that maps the file readable and executable (System V ABI, figure 4-3 and 5-1). */
export function renderElfHeader(fileBytes: number): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16); // executable
  header.writeUInt16LE(0x3e, 18); // x86-64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(loadAddress + BigInt(headerBytes), 24); // entry
  header.writeBigUInt64LE(64n, 32); // program header offset
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(1, 64); // PT_LOAD
  header.writeUInt32LE(5, 68); // R + X
  header.writeBigUInt64LE(loadAddress, 80);
  header.writeBigUInt64LE(loadAddress, 88);
  header.writeBigUInt64LE(BigInt(fileBytes), 96);
  header.writeBigUInt64LE(BigInt(fileBytes), 104);
  header.writeBigUInt64LE(0x1000n, 112);
  return header;
}

export function little32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function little64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
