import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Code, type CallOptions, type Transport } from "@connectrpc/connect";
import type { PendingCall } from "./call-queue.js";
import type { Client } from "./client.js";
import { CallFailure, clientCause, Fate, Reasons, type FailureCause } from "./failure.js";
import { OpenSchema } from "./gen/seriatim/v1/durable_objects_pb.js";
import type { DurableObjectId } from "./ids.js";
import { metadataOf } from "./metadata.js";
import type { DurableObjectNamespace } from "./namespace.js";
import { StubRoute } from "./routes.js";
import { ResumableSession } from "./resumable-session.js";
import { Session } from "./session.js";
import { stubTransport, type StubTransportOptions } from "./stub-transport.js";

/** What an invocation adds to its argument, method and metadata in a frame, at most. */
const OVERHEAD_BYTES = 64;
const METADATA_OVERHEAD_BYTES = 24;

/** Closes the stubs that nobody can reach any more. */
const dropped = new FinalizationRegistry<Session>((session) => {
  session.dropped();
});

/**
 * A reference to one durable object, through which it is called.
 *
 * **Order.** Calls are executed one at a time, in the order in which they were made. A call takes its place
 * before the method that makes it returns its promise, so there is no need to wait for one before making
 * the next. Between two stubs, also on the same object, there is no order.
 *
 * **Failure.** Anything but a normal reply breaks the stub: the calls behind the one that failed fail with
 * the same cause and have not been executed, and so does every later call, at once. A broken stub stays
 * broken; get a new one to go on. The loss of its connection breaks it too, unless its namespace is
 * {@link DurableObjectNamespace.resumable}. What became of each call is told by its {@link CallFailure}. Only a call
 * that got no place in the order leaves the stub as it is: one that was refused, too large, or for which
 * the buffer had no room.
 *
 * **Giving up** one call by its `AbortSignal` doesn't break the stub and doesn't take the call back. It is
 * still executed in its place; its outcome is dropped, and the caller sees `Canceled` with `Fate.UNKNOWN`.
 *
 * **Timeouts.** `timeoutMs` travels with the call. The host breaks the stub at the call whose time runs out, when
 * nothing of the stub stands before that call; its word says that the call had no effect, and the call waits for it up to
 * {@link ClientOptions.deadlineGraceMs} longer. A call behind others, whose time has not run out, ends when its own time
 * does, with `ANSWER_OVERDUE`, and so does one whose host says nothing: it has `Fate.UNKNOWN`, or `NOT_EXECUTED` if it was
 * never sent. It keeps its place, the stub is not broken by that, and all other calls go on until the host tells of them.
 *
 * The stream to the host opens with the first call, for which the host has {@link ClientOptions.openTimeoutMs}. A stub
 * that isn't closed keeps it open, until the garbage collector finds that nobody can reach the stub any more: then it is
 * closed, and the first of a client that is closed so becomes a warning of the process. A listener for the break that
 * leads to the stub keeps the stub.
 *
 * A process ends though stubs are open, if nobody waits for any of their calls, or for the end of one that was closed.
 */
export class DurableObjectStub implements AsyncDisposable, Disposable {
  readonly #namespace: DurableObjectNamespace;
  readonly #id: DurableObjectId | undefined;
  readonly #session: Session;

  /** The name of the object, if the stub was got by name or with an id that knows its name. */
  readonly name: string | undefined;

  /**
   * @internal Stubs are got from a {@link DurableObjectNamespace}.
   *
   * @param isResumable whether it outlives its connections
   * @param openedName the name to open the object by; undefined to open it by its id
   * @param knownId the object's id, if it is known without asking anyone; only of use for routes
   */
  constructor(
    namespace: DurableObjectNamespace,
    client: Client,
    isResumable: boolean,
    openedName: string | undefined,
    id: DurableObjectId | undefined,
    knownId: DurableObjectId | undefined,
  ) {
    this.#namespace = namespace;
    this.#id = id;
    this.name = openedName ?? id?.name;
    const open = create(OpenSchema, {
      namespace: namespace.name,
      object:
        openedName === undefined ? { case: "id", value: String(id) } : { case: "name", value: openedName },
    });
    const route =
      client.routes &&
      new StubRoute(client.routes, `${namespace.name}/${openedName ?? ""}`, knownId?.toString());
    this.#session = (isResumable ? ResumableSession : Session).of(client, open, id?.toString(), route);
    dropped.register(this, this.#session);
  }

  /**
   * The id of the object. For a stub got by name it is derived from the namespace's unique key, which may
   * have to be fetched first; see {@link DurableObjectNamespace.idFromName}.
   */
  async id(): Promise<DurableObjectId> {
    return this.#id ?? this.#namespace.idFromName(this.name ?? "");
  }

  /**
   * This stub as a connect transport, so that `createClient(Counter, stub.transport())` is the typed stub.
   *
   * A call takes its place in the order before the client's method returns its promise. An interceptor that
   * waits for something before it calls `next` gives that up: the call takes its place when `next` is
   * called.
   *
   * Headers become the invocation's metadata. A call fails with `CALL_REFUSED` and breaks nothing if its
   * method isn't unary (`Unimplemented`), if a header's key begins with `grpc-` or `seriatim-`, if a text
   * value isn't printable ASCII, or if a binary one isn't one value in base64 (`InvalidArgument`). There
   * are no response headers and trailers: they are empty.
   *
   * One such header is let through: `seriatim-idempotency-key`, 1 to 255 characters of printable ASCII. A call with it is
   * executed at most once for its object and that key, whatever stub it is made on, for as long as the host remembers it: a
   * day by default. Later ones get the outcome of the first, and `IDEMPOTENCY_MISMATCH` breaks the stub if they are not the
   * same call.
   */
  transport(options: StubTransportOptions = {}): Transport {
    return stubTransport(
      this,
      (method) => Promise.reject(new CallFailure(notUnary(method), Fate.NOT_EXECUTED, 0n)),
      options,
    );
  }

  /**
   * Calls the object, without the layers of a client: `stub.call(Counter.method.get, {})`.
   *
   * @returns a promise that rejects with a {@link CallFailure} alone. The argument is read before it is
   *     returned, so that the caller may change it afterwards.
   */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
    options: Pick<CallOptions, "timeoutMs" | "headers" | "signal"> = {},
  ): Promise<MessageShape<O>> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      let call: PendingCall;
      try {
        call = pendingCall(method, input, options, settle(resolve), settle(reject));
      } catch (thrown) {
        const message = thrown instanceof Error ? thrown.message : String(thrown);
        const cause = clientCause(Reasons.CALL_REFUSED, Code.InvalidArgument, message);
        reject(new CallFailure(cause, Fate.NOT_EXECUTED, 0n, thrown));
        return;
      }
      if (signal?.aborted === true) {
        reject(cancelled(signal, 0));
        return;
      }
      signal?.addEventListener("abort", onAbort);
      const sequence = this.#session.submit(call);

      function onAbort(): void {
        if (signal !== undefined) {
          reject(cancelled(signal, sequence));
        }
      }

      /** A signal may outlive many calls, so it must not hold on to them. */
      function settle<T>(how: (value: T) => void): (value: T) => void {
        return (value) => {
          signal?.removeEventListener("abort", onAbort);
          how(value);
        };
      }
    });
  }

  /**
   * Whether the stub outlives its connections: it is of a namespace that is {@link DurableObjectNamespace.resumable}, and its
   * host hasn't turned out to know nothing of that, which is known when it has answered the first call.
   */
  get isResumable(): boolean {
    return this.#session instanceof ResumableSession && this.#session.isResumable;
  }

  /** Whether the stub is broken. It isn't when it has been closed and all went well. */
  get isBroken(): boolean {
    return this.#session.isBroken;
  }

  /** Why the stub is broken; undefined if it isn't. */
  get breakCause(): FailureCause | undefined {
    return this.#session.cause;
  }

  /**
   * Has this told once, with the cause, when the stub breaks, after its calls have failed. At once, if that
   * has been. Never, if the stub ends without breaking. What it throws becomes a warning of the process.
   */
  onBreak(listener: (cause: FailureCause) => void): void {
    this.#session.onBreak(listener);
  }

  /**
   * Lets no more calls in, and ends the stub when the calls made so far have been answered. Later calls
   * fail with `STUB_CLOSED`. Does nothing on a stub that is closed or broken.
   *
   * @returns a promise that resolves when the stub has ended: with every call answered, or broken with every
   *     call failed. It never rejects.
   */
  close(): Promise<void> {
    this.#session.close();
    return this.#session.ended;
  }

  /**
   * Resolves when the stub has ended: closed with every call answered, or broken with every call failed.
   * Without {@link close}, only a break ends it. Never rejects.
   */
  get ended(): Promise<void> {
    return this.#session.ended;
  }

  /**
   * Breaks the stub from this side, without waiting for outcomes. Calls that were sent have an unknown
   * fate, and the host doesn't start those that haven't started by the time it hears of this. Does nothing
   * on a stub that has ended.
   *
   * @param message why, for those whose calls fail
   */
  cancel(message: string): void {
    this.#session.cancel(message);
  }

  /** `await using stub = …` closes the stub and waits for its end. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** `using stub = …` closes the stub, and doesn't wait. */
  [Symbol.dispose](): void {
    this.#session.close();
  }

  /** The namespace, and the name or the id. */
  toString(): string {
    return `DurableObjectStub[${this.#namespace.name}/${this.name ?? String(this.#id)}]`;
  }
}

function notUnary(method: DescMethod): FailureCause {
  return clientCause(
    Reasons.CALL_REFUSED,
    Code.Unimplemented,
    `${method.parent.typeName}/${method.name} is ${method.methodKind.replace("_", "-")}, and a stub carries only unary methods`,
  );
}

function cancelled(signal: AbortSignal, sequence: number): CallFailure {
  const cause = clientCause(Reasons.CALL_CANCELLED, Code.Canceled, "the caller gave the call up");
  const fate = sequence === 0 ? Fate.NOT_EXECUTED : Fate.UNKNOWN;
  return new CallFailure(cause, fate, BigInt(sequence), signal.reason);
}

function pendingCall<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  input: MessageInitShape<I>,
  options: Pick<CallOptions, "timeoutMs" | "headers">,
  resolve: (response: MessageShape<O>) => void,
  reject: (failure: CallFailure) => void,
): PendingCall {
  const name = `${method.parent.typeName}/${method.name}`;
  const argument = toBinary(method.input, create(method.input, input));
  const metadata = metadataOf(options.headers === undefined ? undefined : new Headers(options.headers));
  let bytes = OVERHEAD_BYTES + name.length + argument.length;
  for (const key in metadata) {
    bytes += METADATA_OVERHEAD_BYTES + key.length + (metadata[key] ?? "").length;
  }
  return {
    method: name,
    argument,
    metadata,
    deadline: deadlineOf(options.timeoutMs),
    bytes,
    overdue: false,
    succeed: (result) => {
      resolve(fromBinary(method.output, result));
    },
    fail: reject,
  };
}

/** Zero or less is no timeout, as everywhere in connect. */
function deadlineOf(timeoutMs: number | undefined): number {
  if (timeoutMs === undefined || timeoutMs <= 0) {
    return Infinity;
  }
  if (Number.isNaN(timeoutMs)) {
    throw new RangeError("timeoutMs is NaN, expected milliseconds");
  }
  return performance.now() + timeoutMs;
}
