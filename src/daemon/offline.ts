import { systemClock } from "../adapters/clock/system-clock.ts";
import type { Answer, Call } from "../api/http.ts";
import type { StatusReport } from "../api/ports.ts";
import type { ApiRequest, ApiResponse, Transport } from "../cli/transport.ts";
import type { Logger } from "../reconciler/types.ts";
import { openHome, type HomeServices } from "./home-services.ts";
import { reportStatus } from "./report.ts";

/** The same API as a daemon's, in this process, over the same files and database: nothing runs, everything can be read and written. */
export async function openOffline(home: string, lock: Disposable, log: Logger): Promise<Transport> {
  const report = (opened: HomeServices): Promise<StatusReport> =>
    reportStatus(opened, { name: opened.config.name, node: "", uptimeSeconds: 0 });
  const services = openHome({ home, clock: systemClock, log, report }, lock);
  try {
    await services.loop.rescan();
  } catch (error) {
    await services.close();
    throw error;
  }
  return {
    mode: "offline",
    async send(request) {
      return responseOf(await services.api.answer(callOf(request)));
    },
    close: () => services.close(),
  };
}

function callOf({ method, path, headers, body, signal }: ApiRequest): Call {
  const sent = new Map(
    Object.entries({ host: "homie", ...headers }).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return {
    method,
    target: path,
    header: (name) => sent.get(name),
    ...(body === undefined ? {} : { body: once(Buffer.from(body)) }),
    signal: signal ?? new AbortController().signal,
    // The body itself breaks off.
    cut() {},
  };
}

function responseOf({ code, headers, body }: Answer): ApiResponse {
  const single = Object.entries(headers).map(([name, value]) => [name, [value].flat().join(", ")] as const);
  return { code, headers: Object.fromEntries(single), body: typeof body === "string" ? once(Buffer.from(body)) : body };
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
