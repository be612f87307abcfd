/** One frame of an attempt's log: header `stream u8 | ts u64 ns | length u32 | crc32 u32` (big endian), then the bytes. */
export interface LogFrame {
  readonly stream: "stdout" | "stderr" | "homie" | "eof";
  /** Nanoseconds since the epoch, when the bytes reached homie. */
  readonly timeNs: bigint;
  /** `homie`: a UTF-8 remark (dropped bytes, gap). `eof`: JSON `{stdoutBytes, stderrBytes, droppedBytes}`; nothing follows. */
  readonly bytes: Uint8Array;
  /** Offset in the log file just after this frame: pass it as `from` to go on. */
  readonly nextOffset: number;
}
