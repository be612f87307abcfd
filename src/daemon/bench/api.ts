import type { IncomingMessage } from "node:http";

// Asked for, as an `import` would load undici (docs/architecture.md).
const { request } = process.getBuiltinModule("node:http");

/** One JSON call over the daemon's socket. */
export function callApi(socketPath: string, method: string, path: string, body?: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { host: "homie", ...(body === undefined ? {} : { "content-type": "application/json" }) };
    const sent = request({ socketPath, method, path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.once("error", reject);
      response.once("end", () => {
        if ((response.statusCode ?? 500) < 400) resolve(text === "" ? undefined : JSON.parse(text));
        else reject(new Error(`${method} ${path} answers ${response.statusCode}: ${text}`));
      });
    });
    sent.once("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Follows a watch until `isLast` says so of an object; then hangs up. */
export function watchApi(socketPath: string, path: string, isLast: (object: unknown) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, headers: { host: "homie" } }, (response) => {
      let rest = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        if (!lines.some((line) => isLast((JSON.parse(line) as { object: unknown }).object))) return;
        resolve();
        sent.destroy();
      });
      response.once("end", () => reject(new Error(`the watch of ${path} ended too early`)));
      response.once("error", () => undefined);
    });
    sent.once("error", reject);
    sent.end();
  });
}

/** The bytes of an answer as they come. */
export function followApi(socketPath: string, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, headers: { host: "homie" } }, (response) => {
      if (response.statusCode === 200) return resolve(response);
      response.resume();
      reject(new Error(`${path} answers ${response.statusCode}`));
    });
    sent.once("error", reject);
    sent.end();
  });
}
