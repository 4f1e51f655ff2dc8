import { Code, ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { ClientSessionOptions, SecureClientSessionOptions } from "node:http2";
import type { Access, Client, Wire } from "./client.js";
import { Connection } from "./connection.js";
import { MESSAGE_BYTES } from "./lane-ledger.js";
import { DurableObjectNamespace } from "./namespace.js";
import { checkedClientOptions, checkMillis, checkWhole, type ClientOptions } from "./options.js";
import { ownCall } from "./own-call.js";
import { Routes } from "./routes.js";
import { SharedCalls } from "./shared-calls.js";
import { keepByteOrderMarks } from "./text.js";
import { warn } from "./warn.js";

/** What a warning of a dropped stub says. */
const DROPPED =
  "it is closed now, and so will be others, without a word; until the garbage collector finds them they stay open, " +
  "here and at the host";

/** {@link ClientOptions}, and those for a transport of the caller's own. */
export interface TransportOptions extends ClientOptions {
  /**
   * Makes the transport to the address of a route, such as `10.0.0.7:7070`, for {@link ClientOptions.followRoutes}. It is
   * called once for each address, when the first stub is opened there. If the transport is `Disposable`, it is disposed of
   * when no route and no stub needs it any more.
   */
  readonly routeTransport?: (address: string) => Transport & Partial<Disposable>;
}

/** {@link ClientOptions}, and those of the connection that {@link DurableObjects.connect} makes. */
export interface ConnectOptions extends ClientOptions {
  /** How long one attempt to connect may take. Default: 5,000 ms. */
  readonly connectTimeoutMs?: number;

  /**
   * How long a connection with open stubs may be silent before it is probed. Default: 30,000 ms. A Seriatim
   * host permits 10 s; if a proxy in between closes the connection for it, raise it.
   */
  readonly keepAliveTimeMs?: number;

  /**
   * How long a probe may stay unanswered before the connection is given up, which breaks all its stubs.
   * Default: 10,000 ms.
   */
  readonly keepAliveTimeoutMs?: number;

  /** The largest frame taken from a host. A larger one breaks the stub. Default: 16 MiB. */
  readonly maxInboundFrameBytes?: number;

  /**
   * Applied to the calls of the contract, of which a stub is one: for headers that the host wants, say.
   * For the calls on the objects see {@link DurableObjectStub.transport}. Default: none.
   */
  readonly interceptors?: readonly Interceptor[];

  /**
   * What `http2.connect` of Node.js takes: for `https:`, certificates and keys. Default: `maxSessionMemory: 1000`, with
   * which a connection can carry a million stubs; with the default of Node.js it is 12,307.
   */
  readonly nodeOptions?: ClientSessionOptions | SecureClientSessionOptions;
}

/**
 * A client of one Seriatim host: the way to its durable objects. Made to be shared.
 *
 * ```ts
 * const objects = DurableObjects.connect("http://localhost:7070");
 * const stub = objects.namespace("COUNTER").getByName("foo");
 * const counter = createClient(Counter, stub.transport());
 * ```
 */
export class DurableObjects implements Disposable {
  readonly #client: Client;
  readonly #end: () => void;
  readonly #namespaces = new Map<string, DurableObjectNamespace>();

  /**
   * @param routes where else stubs are opened, if the options say that they may be
   * @param isEndingAll whether no stub goes on when the client is closed
   */
  private constructor(
    access: Access,
    options: Required<ClientOptions>,
    routes: Routes | undefined,
    isEndingAll: boolean,
    end: () => void,
  ) {
    keepByteOrderMarks();
    let hasWarned = false;
    let isClosed = false;
    const withoutConnection: Client["withoutConnection"] = new Set();
    this.#client = {
      ...access,
      options,
      routes,
      get isClosed() {
        return isClosed;
      },
      withoutConnection,
      warnOfDropped(stub) {
        if (!hasWarned) {
          hasWarned = true;
          warn(`${stub} was dropped without close()`, DROPPED);
        }
      },
    };
    this.#end = () => {
      isClosed = isEndingAll;
      end();
      access.close();
      if (isClosed) {
        withoutConnection.forEach((stub) => {
          stub.clientClosed();
        });
      }
    };
  }

  /**
   * A client over a transport that can carry streams both ways, such as `createGrpcTransport` of
   * `@connectrpc/connect-node` makes. It should have a keepalive (`pingIntervalMs`), so that a dead host
   * breaks its stubs in bounded time.
   *
   * @throws RangeError if an option isn't what is expected, or `followRoutes` is on without `routeTransport`
   */
  static on(transport: Transport, options: TransportOptions = {}): DurableObjects {
    const checked = checkedClientOptions(options);
    const { routeTransport } = options;
    if (!checked.followRoutes) {
      return new DurableObjects(
        accessOn(transport, checked, false),
        checked,
        undefined,
        false,
        () => undefined,
      );
    }
    if (routeTransport === undefined) {
      throw new RangeError("followRoutes on a transport that was given, expected routeTransport with it");
    }
    const routes = new Routes(checked.maxRoutes, (address) => accessOn(routeTransport(address), checked));
    return new DurableObjects(accessOn(transport, checked, false), checked, routes, false, () => {
      routes.close(false);
    });
  }

  /**
   * Connects to a host by gRPC over HTTP/2, and has a keepalive watch the connection. The connection is
   * made with the first call, and made again when it is needed and was lost.
   *
   * @param url where the host is: `http://HOST:PORT` for plain text, `https://HOST:PORT` for TLS
   * @throws RangeError if the URL or an option isn't what is expected
   */
  static connect(url: string, options: ConnectOptions = {}): DurableObjects {
    const checked = checkedClientOptions(options);
    const connectTimeoutMs = options.connectTimeoutMs ?? 5_000;
    const keepAliveTimeMs = options.keepAliveTimeMs ?? 30_000;
    const keepAliveTimeoutMs = options.keepAliveTimeoutMs ?? 10_000;
    const maxInboundFrameBytes = options.maxInboundFrameBytes ?? 16 * 1024 * 1024;
    checkMillis("connectTimeoutMs", connectTimeoutMs, 1);
    checkMillis("keepAliveTimeMs", keepAliveTimeMs, 1);
    checkMillis("keepAliveTimeoutMs", keepAliveTimeoutMs, 1);
    checkWhole("maxInboundFrameBytes", maxInboundFrameBytes);
    let closed = false;
    const refuseIfClosed: Interceptor = (next) => (request) =>
      closed
        ? Promise.reject(new ConnectError("the client is closed", Code.FailedPrecondition))
        : next(request);
    const accessTo = (baseUrl: string): Access => {
      const connection = new Connection(
        baseUrl,
        { connectTimeoutMs, keepAliveTimeMs, keepAliveTimeoutMs },
        options.nodeOptions,
      );
      const wire = (readMaxBytes: number): Wire => ({
        transport: createGrpcTransport({
          baseUrl,
          sessionManager: connection,
          readMaxBytes,
          interceptors: [refuseIfClosed, ...(options.interceptors ?? [])],
        }),
        connection,
      });
      const own = wire(maxInboundFrameBytes);
      // A frame over the limit is to harm none but its own stub, if it isn't far over it.
      const shared = wire(maxInboundFrameBytes + MESSAGE_BYTES);
      return access(own, sharedCalls(shared, own, checked, maxInboundFrameBytes), () => {
        const why = closed ? "the client was closed" : "no route leads there any more";
        connection.abort(new ConnectError(why, Code.Canceled));
      });
    };
    const baseUrl = checkedUrl(url);
    const { protocol } = new URL(baseUrl);
    const routes = checked.followRoutes
      ? new Routes(checked.maxRoutes, (address) => accessTo(checkedUrl(`${protocol}//${address}`)))
      : undefined;
    return new DurableObjects(accessTo(baseUrl), checked, routes, true, () => {
      closed = true;
      routes?.close(true);
    });
  }

  /**
   * The namespace with this name; the same one each time. Doesn't ask the host.
   *
   * @param uniqueKey the namespace's unique key, if the caller knows it: ids are then made without ever
   *     asking the host, and the namespace is a new one each time
   */
  namespace(name: string, uniqueKey?: string): DurableObjectNamespace {
    if (uniqueKey !== undefined) {
      return DurableObjectNamespace.of(this.#client, name, uniqueKey);
    }
    let namespace = this.#namespaces.get(name);
    if (namespace === undefined) {
      namespace = DurableObjectNamespace.of(this.#client, name);
      this.#namespaces.set(name, namespace);
    }
    return namespace;
  }

  /**
   * Ends the connection at once and for good, if {@link DurableObjects.connect} made it: stubs that are still
   * open break, so close them first and wait for their end. Leaves a transport alone that was given to
   * {@link DurableObjects.on}; those that were made for routes beside it go with the last stub on each.
   */
  close(): void {
    this.#end();
  }

  /** `using objects = …` ends the connection. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** By a transport of the caller's own. */
function accessOn(
  transport: Transport & Partial<Disposable>,
  options: Required<ClientOptions>,
  isDisposed = true,
): Access {
  const wire = { transport, connection: undefined };
  return access(wire, sharedCalls(wire, wire, options, Infinity), () => {
    if (isDisposed) {
      transport[Symbol.dispose]?.();
    }
  });
}

function access(wire: Wire, shared: SharedCalls | undefined, close: () => void): Access {
  return {
    ...wire,
    carry: (session) => (shared === undefined ? ownCall(wire, session) : shared.carry(session)),
    close() {
      shared?.retire();
      close();
    },
  };
}

function sharedCalls(
  wire: Wire,
  ownWire: Wire,
  options: Required<ClientOptions>,
  maxFrameBytes: number,
): SharedCalls | undefined {
  const { sharedCalls: count, sharedCallIdleTimeoutMs: idleTimeoutMs, endTimeoutMs } = options;
  return count === 0
    ? undefined
    : new SharedCalls(wire, ownWire, count, { idleTimeoutMs, endTimeoutMs, maxFrameBytes });
}

function checkedUrl(text: string): string {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // Falls through to the error that says what was expected.
  }
  if (url === undefined || !["http:", "https:"].includes(url.protocol) || url.host === "") {
    throw new RangeError(`url '${text}', expected http://HOST:PORT or https://HOST:PORT`);
  }
  return url.href;
}
