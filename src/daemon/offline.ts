import { systemClock } from "../adapters/clock/system-clock.ts";
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
      return toResponse(await services.api.fetch(toRequest(request)));
    },
    close: () => services.close(),
  };
}

function toRequest({ method, path, headers, body, signal }: ApiRequest): Request {
  return new Request(`http://homie${path}`, {
    method,
    headers: { host: "homie", ...headers },
    ...(body === undefined ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  });
}

function toResponse(response: Response): ApiResponse {
  return { code: response.status, headers: Object.fromEntries(response.headers), body: response.body ?? empty() };
}

async function* empty(): AsyncIterable<Uint8Array> {}
