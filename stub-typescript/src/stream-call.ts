import type { DescMessage, DescMethodStreaming, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { Wire } from "./client.js";

/** What goes over a call, and what comes of what is received. */
export interface Traffic<Q, R> {
  /** The next message to send; or to wait, until {@link StreamCall.kick} is called; or to half-close, and nothing more. */
  next(): Q | "wait" | "halfClose";

  /** The other end has taken the call, and not ended it at once. */
  accepted?(): void;

  /** A message has come. */
  receive(message: R): void;

  /** The call has ended: with OK if there is no error. Told once. */
  ended(error: ConnectError | undefined): void;
}

/**
 * One gRPC call with messages both ways.
 *
 * Messages are pulled by the transport, when there is a connection and the one before has been written. What was
 * not pulled was not sent.
 */
export class StreamCall<I extends DescMessage, O extends DescMessage> {
  readonly #wire: Wire;
  readonly #method: DescMethodStreaming<I, O>;
  readonly #traffic: Traffic<MessageShape<I>, MessageShape<O>>;
  readonly #abort = new AbortController();
  readonly #requests: AsyncIterator<MessageShape<I>, undefined>;
  #pull: ((result: IteratorResult<MessageShape<I>, undefined>) => void) | undefined;
  #kicked = false;

  /** Begins the call at once. */
  constructor(
    wire: Wire,
    method: DescMethodStreaming<I, O>,
    traffic: Traffic<MessageShape<I>, MessageShape<O>>,
  ) {
    this.#wire = wire;
    this.#method = method;
    this.#traffic = traffic;
    this.#requests = {
      next: () =>
        new Promise((resolve) => {
          this.#pull = resolve;
          this.kick();
        }),
      return: () => this.#stopRequests(),
      throw: () => this.#stopRequests(),
    };
    void this.#run();
  }

  /** There may be something to send. It is asked for when the code that runs now is done. */
  kick(): void {
    if (this.#pull !== undefined && !this.#kicked) {
      this.#kicked = true;
      queueMicrotask(() => {
        this.#kicked = false;
        this.#write();
      });
    }
  }

  /** Ends the call from this side. */
  hangUp(reason: ConnectError): void {
    if (!this.#abort.signal.aborted) {
      this.#abort.abort(reason);
    }
  }

  /** Runs the call to its end. Never rejects. */
  async #run(): Promise<void> {
    let error: ConnectError | undefined;
    const place = this.#wire.connection?.room.place(this.#abort.signal);
    try {
      await place?.free;
      const response = await this.#wire.transport.stream(
        this.#method,
        this.#abort.signal,
        0, // No timeout, whatever the transport has by default.
        undefined,
        { [Symbol.asyncIterator]: () => this.#requests as AsyncIterator<MessageInitShape<I>> },
      );
      this.#traffic.accepted?.();
      for await (const message of response.message) {
        this.#traffic.receive(message);
      }
    } catch (thrown) {
      error = ConnectError.from(thrown);
    } finally {
      place?.leave();
    }
    this.#traffic.ended(error);
  }

  #write(): void {
    const pull = this.#pull;
    if (pull === undefined) {
      return;
    }
    const next = this.#traffic.next();
    if (next === "wait") {
      return;
    }
    this.#pull = undefined;
    pull(next === "halfClose" ? { done: true, value: undefined } : { done: false, value: next });
  }

  /** The transport takes no more messages. How the call ended, it will say where it is read. */
  #stopRequests(): Promise<IteratorResult<MessageShape<I>, undefined>> {
    const pull = this.#pull;
    this.#pull = undefined;
    pull?.({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }
}
