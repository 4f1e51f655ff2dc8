import { Code, ConnectError } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import {
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  type ClientSessionRequestOptions,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";
import { CERTIFICATE_REFUSED } from "./failure.js";
import { DurableObjects } from "./gen/seriatim/v1/durable_objects_pb.js";
import { Room } from "./room.js";

/** The paths of calls that carry stubs. */
const CONNECT_PATHS = [DurableObjects.method.connect, DurableObjects.method.connectMany].map(
  ({ name }) => `/${DurableObjects.typeName}/${name}`,
);

/** For each open stream, Node.js counts almost a kilobyte against this; its default is 10 (MB). */
const MAX_SESSION_MEMORY_MB = 1000;

/** The errors of streams that were refused. */
const refusals = new WeakSet<object>();

/**
 * Whether this is the end of a stream of which the host has processed nothing, and says so: it refused it, or
 * the client's certificate, or it went away (GOAWAY) with a last stream before this one.
 */
export function isRefusal(error: ConnectError | undefined): boolean {
  return error?.cause instanceof Error && refusals.has(error.cause);
}

/** The times of a connection, in milliseconds. */
export interface ConnectionTimes {
  readonly connectTimeoutMs: number;
  readonly keepAliveTimeMs: number;
  readonly keepAliveTimeoutMs: number;
}

/**
 * The HTTP/2 connection of one client: connect's, whose sessions can't end the process, and don't keep it alive while
 * nobody waits for anything.
 *
 * Connect takes its listeners off a session that it ends or gives up. If that session fails then, or was
 * failing already, its `error` event has no listener, and would be an uncaught exception. The streams of the
 * session have told of the failure by then.
 */
export class Connection {
  readonly #manager: Http2SessionManager;
  readonly #sessions = new Set<ClientHttp2Session>();
  readonly #connectTimeoutMs: number;
  #connecting: NodeJS.Timeout | undefined;
  #holds = 0;
  #onGoingAway = (): void => undefined;

  /** The places for streams of stubs. */
  readonly room = new Room();

  constructor(
    url: string,
    times: ConnectionTimes,
    nodeOptions: ClientSessionOptions | SecureClientSessionOptions | undefined,
  ) {
    const pings = { pingIntervalMs: times.keepAliveTimeMs, pingTimeoutMs: times.keepAliveTimeoutMs };
    this.#connectTimeoutMs = times.connectTimeoutMs;
    this.#manager = new Http2SessionManager(url, pings, {
      maxSessionMemory: MAX_SESSION_MEMORY_MB,
      ...nodeOptions,
    });
  }

  get authority(): string {
    return this.#manager.authority;
  }

  async request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Omit<ClientSessionRequestOptions, "signal">,
  ): Promise<ClientHttp2Stream> {
    const stream = await this.#stream(method, path, headers, options);
    stream.once("error", (error: Error) => {
      if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || CERTIFICATE_REFUSED.test(error.message)) {
        refusals.add(error);
      }
    });
    let isAnswered = false;
    stream.once("response", () => (isAnswered = true));
    stream.once("close", () => {
      if (!isAnswered && stream.rstCode === constants.NGHTTP2_NO_ERROR) {
        // Nobody else says so, and connect waits for an answer for ever.
        stream.emit("error", new Error("the stream was closed without an answer"));
      }
    });
    this.room.entered(
      stream,
      CONNECT_PATHS.some((end) => path.endsWith(end)),
    );
    this.#hear(stream.session as ClientHttp2Session | undefined);
    return stream;
  }

  async #stream(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Omit<ClientSessionRequestOptions, "signal">,
  ): Promise<ClientHttp2Stream> {
    const wasConnecting = this.state === "connecting";
    const stream = this.#manager.request(method, path, headers, options);
    if (!wasConnecting && this.state === "connecting") {
      this.#boundConnecting();
    }
    try {
      return await stream;
    } finally {
      if (this.state !== "connecting") {
        clearTimeout(this.#connecting); // Nor must it end the next attempt.
      }
    }
  }

  #hear(session: ClientHttp2Session | undefined): void {
    if (session === undefined) {
      return;
    }
    if (!this.#sessions.has(session)) {
      this.#sessions.add(session);
      session.on("error", () => undefined);
      session.once("close", () => this.#sessions.delete(session));
      session.once("goaway", () => {
        this.#onGoingAway();
      });
    }
    if (this.#holds === 0) {
      session.unref(); // Connect holds it as long as a stream is open.
    }
  }

  /** Connect waits for as long as the system does, and nobody can connect meanwhile. */
  #boundConnecting(): void {
    clearTimeout(this.#connecting);
    this.#connecting = setTimeout(() => {
      if (this.state === "connecting" && this.#sessions.size === 0) {
        const message = `no connection to ${this.authority} within ${this.#connectTimeoutMs} ms`;
        this.#manager.abort(new ConnectError(message, Code.Unavailable));
      }
    }, this.#connectTimeoutMs);
  }

  /** Has this told when the other end wants new calls to go elsewhere (GOAWAY). */
  onGoingAway(listener: () => void): void {
    this.#onGoingAway = listener;
  }

  /** Keeps the process alive until {@link release} is called as often. */
  hold(): void {
    this.#holds++;
    if (this.#holds === 1) {
      for (const session of this.#sessions) {
        session.ref();
      }
    }
  }

  release(): void {
    this.#holds--;
    if (this.#holds === 0) {
      for (const session of this.#sessions) {
        session.unref();
      }
    }
  }

  /** What connect says of it: `closed`, `connecting`, `open`, `idle`, `verifying` or `error`. */
  get state(): string {
    return this.#manager.state();
  }

  notifyResponseByteRead(stream: ClientHttp2Stream): void {
    this.#manager.notifyResponseByteRead(stream);
  }

  /** Ends the connection at once, and all its streams with this error. */
  abort(reason: ConnectError): void {
    this.#manager.abort(reason);
  }
}
