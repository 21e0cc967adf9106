import { setTimeout as sleep } from "node:timers/promises";
import { parseReplies, toReply, TransportError, type RpcCall, type RpcReply, type Transport } from "./protocol.ts";
import { publicName, withoutCredentials, withoutSecretsOf } from "./publicUrl.ts";

interface Waiting {
  resolve(reply: RpcReply): void;
  reject(error: Error): void;
}

/** Node's own WebSocket takes headers, which the type of browsers doesn't know. */
const OpenSocket = WebSocket as unknown as new (url: string, options: { headers: Record<string, string> }) => WebSocket;

export interface WebSocketOptions {
  /** A connection that was silent for so long is asked whether it lives: a half-open one looks like a chain without blocks. Default 30,000. */
  silenceMs?: number;
  /** How long the answer to that, and to a subscription, may take. Default 10,000. */
  replyMs?: number;
}

/** One connection, from its opening until it is given up. */
class Connection {
  readonly opened: Promise<void>;
  readonly closed: Promise<void>;
  readonly waiting = new Map<number, Waiting>();
  lastHeardAt = performance.now();
  readonly #socket: WebSocket;
  readonly #end: (reason: string) => void;

  constructor(url: string, headers: Record<string, string>, onMessage: (text: string, connection: Connection) => void) {
    const [opened, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    this.#socket = new OpenSocket(url, { headers });
    this.#end = (reason) => {
      const error = new TransportError(reason);
      opened.reject(error);
      for (const { reject } of this.waiting.values()) reject(error);
      this.waiting.clear();
      closed.resolve();
    };
    opened.promise.catch(() => undefined);
    this.opened = opened.promise;
    this.closed = closed.promise;
    this.#socket.addEventListener("open", () => opened.resolve());
    this.#socket.addEventListener("message", ({ data }) => {
      this.lastHeardAt = performance.now();
      onMessage(String(data), this);
    });
    this.#socket.addEventListener("close", () => this.#end("the connection was closed"));
    // "close" follows and says the same.
    this.#socket.addEventListener("error", () => undefined);
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  /** The other side may be gone without a word, so its consent to closing isn't waited for. */
  giveUp(reason: string): void {
    this.#end(reason);
    this.#socket.close();
  }
}

export class WebSocketTransport implements Transport {
  readonly name: string;
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #redact: (text: string) => string;
  #connection: Connection | undefined;
  #nextId = 0;
  #listener: (() => void) | undefined;
  #closed = false;
  readonly #silenceMs: number;
  readonly #replyMs: number;

  constructor(url: string, { silenceMs = 30_000, replyMs = 10_000 }: WebSocketOptions = {}) {
    this.#silenceMs = silenceMs;
    this.#replyMs = replyMs;
    this.name = publicName(url);
    this.#redact = withoutSecretsOf(url);
    ({ url: this.#url, headers: this.#headers } = withoutCredentials(url));
  }

  async send(calls: readonly RpcCall[], timeoutMs: number): Promise<RpcReply[]> {
    if (this.#closed) throw new TransportError(`${this.name} was closed`);
    const connection = this.#connect();
    const sentAt = performance.now();
    const ids = calls.map(() => this.#nextId++);
    const expired = Promise.withResolvers<never>();
    expired.promise.catch(() => undefined);
    const timer = setTimeout(() => {
      expired.reject(new TransportError(`${this.name} did not answer in ${timeoutMs} ms`));
      // One call may be slow; a connection that says nothing at all is dead, and the next call opens another.
      if (connection.lastHeardAt <= sentAt) this.#drop(connection, "it said nothing any more");
    }, timeoutMs);
    try {
      await Promise.race([connection.opened, expired.promise]);
      const replies = calls.map(({ method, params }, i) => {
        const reply = Promise.withResolvers<RpcReply>();
        reply.promise.catch(() => undefined);
        connection.waiting.set(ids[i]!, reply);
        connection.send(JSON.stringify({ jsonrpc: "2.0", id: ids[i], method, params }));
        return reply.promise;
      });
      return await Promise.race([Promise.all(replies), expired.promise]);
    } catch (error) {
      if (error instanceof TransportError) throw new TransportError(`${this.name}: ${error.message}`);
      throw error;
    } finally {
      clearTimeout(timer);
      for (const id of ids) connection.waiting.delete(id);
    }
  }

  watchHeads(listener: () => void): void {
    this.#listener = listener;
    void this.#keepWatching();
  }

  close(): void {
    this.#closed = true;
    if (this.#connection !== undefined) this.#drop(this.#connection, "the node stops");
  }

  /** A lost connection is made again: polling goes on meanwhile, so a head is only seen later. */
  async #keepWatching(): Promise<void> {
    while (!this.#closed) {
      try {
        const connection = this.#connect();
        await this.send([{ method: "eth_subscribe", params: ["newHeads"] }], this.#replyMs);
        this.#listener?.();
        await this.#whileItLives(connection);
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
      }
      await sleep(1000, undefined, { ref: false });
    }
  }

  async #whileItLives(connection: Connection): Promise<void> {
    let over = false;
    void connection.closed.then(() => (over = true));
    while (!over) {
      const silence = performance.now() - connection.lastHeardAt;
      // Not answering in time gives the connection up.
      if (silence >= this.#silenceMs) await this.send([{ method: "eth_chainId", params: [] }], this.#replyMs);
      await Promise.race([connection.closed, sleep(Math.max(1000, this.#silenceMs - silence), undefined, { ref: false })]);
    }
  }

  #connect(): Connection {
    if (this.#connection === undefined) {
      const connection = new Connection(this.#url, this.#headers, (text, from) => this.#receive(text, from));
      this.#connection = connection;
      void connection.closed.then(() => {
        if (this.#connection === connection) this.#connection = undefined;
      });
    }
    return this.#connection;
  }

  #drop(connection: Connection, reason: string): void {
    if (this.#connection === connection) this.#connection = undefined;
    connection.giveUp(reason);
  }

  #receive(text: string, { waiting }: Connection): void {
    try {
      for (const reply of parseReplies(this.name, text, this.#redact)) {
        if (reply.method === "eth_subscription") this.#listener?.();
        else if (typeof reply.id === "number") this.#answer(reply, waiting.get(reply.id));
      }
    } catch (error) {
      // What can't be read answers nothing: the calls that wait for it time out.
      if (!(error instanceof TransportError)) throw error;
    }
  }

  #answer(reply: Parameters<typeof toReply>[1], waiting: Waiting | undefined): void {
    try {
      waiting?.resolve(toReply(this.name, reply, this.#redact));
    } catch (error) {
      waiting?.reject(error as Error);
    }
  }
}
