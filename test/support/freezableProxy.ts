import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface FreezableProxy {
  port: number;
  /** Connections that were ever made. */
  connections: number;
  /** Pieces of what clients sent that were passed on. */
  passed: number;
  /** Pieces of what clients sent, or were sent, that nobody passed on. */
  swallowed: number;
  /** Every connection that is open now stays open and passes nothing on any more, like one whose other side is gone. */
  freeze(): void;
  /** New connections, too, are taken and never answered. */
  freezeAll(): void;
  close(): Promise<void>;
}

/** Passes bytes on between its clients and a local port, until it is frozen. */
export async function startFreezableProxy(upstreamPort: number): Promise<FreezableProxy> {
  const live = new Set<{ client: Socket; upstream: Socket; count: () => void }>();
  const all = new Set<Socket>();
  let frozen = false;
  const swallow = (socket: Socket) => socket.on("data", () => proxy.swallowed++).resume();
  const server = createServer((client) => {
    proxy.connections++;
    all.add(client);
    client.on("error", () => undefined);
    if (frozen) return void swallow(client);
    const upstream = connect(upstreamPort, "127.0.0.1");
    const pair = { client, upstream, count: () => void proxy.passed++ };
    live.add(pair);
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => live.has(pair) && client.destroy());
    client.on("data", pair.count).pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: FreezableProxy = {
    port: (server.address() as AddressInfo).port,
    connections: 0,
    passed: 0,
    swallowed: 0,
    freeze() {
      for (const pair of live) {
        live.delete(pair);
        pair.client.removeListener("data", pair.count).unpipe(pair.upstream);
        pair.upstream.unpipe(pair.client);
        swallow(pair.client);
        swallow(pair.upstream);
      }
    },
    freezeAll() {
      frozen = true;
      proxy.freeze();
    },
    async close() {
      for (const socket of all) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
