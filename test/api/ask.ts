import type { Api, ByteStream } from "../../src/api/http.ts";

/** Asks as `fetch` would: an absolute URL also says which Host is meant. */
export async function ask(api: Api, url: string, init: RequestInit = {}): Promise<Response> {
  const request = new Request(new URL(url, "http://homie"), init);
  const { pathname, search, host } = new URL(request.url);
  const { code, headers, body } = await api.answer({
    method: request.method,
    target: `${pathname}${search}`,
    header: (name) => request.headers.get(name) ?? (name === "host" ? host : undefined),
    ...(request.body === null ? {} : { body: request.body }),
    signal: request.signal,
    cut() {},
  });
  const several = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, one]),
  );
  return new Response(typeof body === "string" ? body : streamOf(body), { status: code, headers: several });
}

function streamOf(body: ByteStream): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await body.next();
        if (done) controller.close();
        else controller.enqueue(new Uint8Array(value));
      },
      cancel: async () => void (await body.return?.()),
    },
    { highWaterMark: 0 },
  );
}

/** Reads a response body line by line, as it comes. */
export function lineReader(response: Response): {
  next(): Promise<any>;
  text(): Promise<string | undefined>;
  close(): Promise<void>;
} {
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let pending = "";
  const text = async (): Promise<string | undefined> => {
    while (!pending.includes("\n")) {
      const { done, value } = await reader.read();
      if (done) return undefined;
      pending += decoder.decode(value, { stream: true });
    }
    const end = pending.indexOf("\n");
    const line = pending.slice(0, end);
    pending = pending.slice(end + 1);
    return line;
  };
  return {
    text,
    async next() {
      const line = await text();
      return line === undefined ? undefined : JSON.parse(line);
    },
    close: async () => await reader.cancel(),
  };
}
