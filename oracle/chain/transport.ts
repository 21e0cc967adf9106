import { HttpTransport } from "./httpTransport.ts";
import { publicName } from "./publicUrl.ts";
import { WebSocketTransport } from "./webSocketTransport.ts";
import type { Transport } from "./protocol.ts";

/** @param url http, https, ws or wss. @throws TypeError */
export function createTransport(url: string): Transport {
  const { protocol } = new URL(url);
  if (protocol === "http:" || protocol === "https:") return new HttpTransport(url);
  if (protocol === "ws:" || protocol === "wss:") return new WebSocketTransport(url);
  throw new TypeError(`${publicName(url)}: ${protocol} is not http, https, ws or wss`);
}
