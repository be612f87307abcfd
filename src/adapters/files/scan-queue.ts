/** Runs one scan at a time. A request made during a scan gets a later, whole one; all such requests share it. */
export interface ScanQueue {
  /** Resolves, or rejects, with the first scan that began after the call. `patient` is true if any sharer is. */
  request(patient: boolean): Promise<void>;
  /** Resolves when nothing runs or waits; never rejects. */
  idle(): Promise<void>;
}

export function createScanQueue(scan: (patient: boolean) => Promise<void>): ScanQueue {
  let running: Promise<void> | undefined;
  let waiting: { patient: boolean; readonly done: Promise<void> } | undefined;

  function begin(patient: boolean): Promise<void> {
    const scanning = scan(patient).finally(() => {
      running = undefined;
    });
    running = scanning;
    return scanning;
  }
  async function beginAfter(previous: Promise<void>): Promise<void> {
    await previous.catch(() => undefined);
    const patient = waiting?.patient ?? false;
    waiting = undefined;
    await begin(patient);
  }

  return {
    request: (patient) => {
      if (waiting !== undefined) {
        waiting.patient ||= patient;
        return waiting.done;
      }
      if (running === undefined) return begin(patient);
      waiting = { patient, done: beginAfter(running) };
      return waiting.done;
    },
    idle: async () => {
      for (let busy = waiting?.done ?? running; busy !== undefined; busy = waiting?.done ?? running) {
        await busy.catch(() => undefined);
      }
    },
  };
}
