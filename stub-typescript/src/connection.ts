import type { ConnectError } from "@connectrpc/connect";
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

/** The errors of streams that were refused. */
const refusals = new WeakSet<object>();

/**
 * Whether this is the end of a stream of which the host has processed nothing, and says so: it refused it, or
 * it went away (GOAWAY) with a last stream before this one.
 */
export function isRefusal(error: ConnectError | undefined): boolean {
  return error?.cause instanceof Error && refusals.has(error.cause);
}

/**
 * The HTTP/2 connection of one client: connect's, whose sessions can't end the process.
 *
 * Connect takes its listeners off a session that it ends or gives up. If that session fails then, or was
 * failing already, its `error` event has no listener, and would be an uncaught exception. The streams of the
 * session have told of the failure by then.
 */
export class Connection {
  readonly #sessions: Http2SessionManager;
  readonly #heard = new WeakSet<ClientHttp2Session>();

  constructor(
    url: string,
    keepAliveTimeMs: number,
    keepAliveTimeoutMs: number,
    nodeOptions: ClientSessionOptions | SecureClientSessionOptions | undefined,
  ) {
    const pings = { pingIntervalMs: keepAliveTimeMs, pingTimeoutMs: keepAliveTimeoutMs };
    this.#sessions = new Http2SessionManager(url, pings, nodeOptions);
  }

  get authority(): string {
    return this.#sessions.authority;
  }

  async request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Omit<ClientSessionRequestOptions, "signal">,
  ): Promise<ClientHttp2Stream> {
    const stream = await this.#sessions.request(method, path, headers, options);
    stream.once("error", (error: Error) => {
      if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) {
        refusals.add(error);
      }
    });
    const session = stream.session as ClientHttp2Session | undefined;
    if (session !== undefined && !this.#heard.has(session)) {
      this.#heard.add(session);
      session.on("error", () => undefined);
    }
    return stream;
  }

  notifyResponseByteRead(stream: ClientHttp2Stream): void {
    this.#sessions.notifyResponseByteRead(stream);
  }

  /** Ends the connection at once, and all its streams with this error. */
  abort(reason: ConnectError): void {
    this.#sessions.abort(reason);
  }
}
