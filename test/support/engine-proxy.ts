import { connect, createServer } from "node:net";

type Mode = "pass" | "refuse" | "hang" | "silent events";
export interface EngineProxy {
  readonly socket: string;
  mode: Mode;
  close(): Promise<void>;
}

/** Stands between the daemon and the engine. Changing the mode to "refuse" or "hang" also cuts what is open. */
export async function openProxy(target: string): Promise<EngineProxy> {
  const socket = `${target}.proxy-${process.pid}`;
  const open = new Set<{ destroy(): void }>();
  let mode: Mode = "pass";
  const server = createServer((client) => {
    open.add(client);
    client.on("error", () => client.destroy());
    client.once("close", () => open.delete(client));
    if (mode === "refuse") return void client.destroy();
    if (mode === "hang") return;
    const upstream = connect(target);
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    client.once("data", (head: Buffer) => {
      const isSilent = mode === "silent events" && / \/(v[\d.]+\/)?events/.test(head.toString("latin1"));
      if (isSilent) return;
      upstream.write(head);
      client.pipe(upstream);
      upstream.pipe(client);
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    socket,
    get mode() {
      return mode;
    },
    set mode(next) {
      mode = next;
      for (const each of [...open]) each.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        for (const each of [...open]) each.destroy();
        server.close(() => resolve());
      }),
  };
}
