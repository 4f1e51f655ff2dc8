import { ConnectError, type Transport } from "@connectrpc/connect";
import type { Client } from "./client.js";
import {
  DurableObjects,
  type ConnectRequest,
  type ConnectResponse,
} from "./gen/seriatim/v1/durable_objects_pb.js";

/** Whose frames a link carries. */
export interface Carried {
  /** The next frame to send; or to wait, until {@link Link.kick} is called; or to half-close, and nothing more. */
  next(): ConnectRequest | "wait" | "halfClose";

  /** A frame has come. */
  receive(frame: ConnectResponse): void;

  /** The call has ended: with OK if there is no error. Told once. */
  connectionEnded(error: ConnectError | undefined): void;
}

/**
 * The gRPC call that carries one session. What it sends, and what comes of what it receives, the session says.
 *
 * Frames are pulled by the transport, when there is a connection and the one before has been written. What was
 * not pulled was not sent.
 */
export class Link {
  readonly #client: Client;
  readonly #carried: Carried;
  readonly #abort = new AbortController();
  readonly #requests: AsyncIterator<ConnectRequest, undefined>;
  #pull: ((result: IteratorResult<ConnectRequest, undefined>) => void) | undefined;
  #kicked = false;

  /** Begins the call at once. */
  constructor(client: Client, carried: Carried) {
    this.#client = client;
    this.#carried = carried;
    this.#requests = {
      next: () =>
        new Promise((resolve) => {
          this.#pull = resolve;
          this.kick();
        }),
      return: () => this.#stopRequests(),
      throw: () => this.#stopRequests(),
    };
    void this.#run(client.transport);
  }

  /** There may be something to send. What is called in one go leaves in one frame. */
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
  async #run(transport: Transport): Promise<void> {
    let error: ConnectError | undefined;
    const place = this.#client.connection?.room.place(this.#abort.signal);
    try {
      await place?.free;
      const response = await transport.stream(
        DurableObjects.method.connect,
        this.#abort.signal,
        0, // No timeout, whatever the transport has by default.
        undefined,
        { [Symbol.asyncIterator]: () => this.#requests },
      );
      for await (const frame of response.message) {
        this.#carried.receive(frame);
      }
    } catch (thrown) {
      error = ConnectError.from(thrown);
    } finally {
      place?.leave();
    }
    this.#carried.connectionEnded(error);
  }

  #write(): void {
    const pull = this.#pull;
    if (pull === undefined) {
      return;
    }
    const next = this.#carried.next();
    if (next === "wait") {
      return;
    }
    this.#pull = undefined;
    pull(next === "halfClose" ? { done: true, value: undefined } : { done: false, value: next });
  }

  /** The transport takes no more frames. How the call ended, it will say where it is read. */
  #stopRequests(): Promise<IteratorResult<ConnectRequest, undefined>> {
    const pull = this.#pull;
    this.#pull = undefined;
    pull?.({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }
}
