import { Code, ConnectError } from "@connectrpc/connect";
import type { ConnectResponse } from "./gen/seriatim/v1/durable_objects_pb.js";
import type { Carried, CutFrame, Link } from "./link.js";

/** One connection of a resumable stub, for as long as it is the stub's. What comes on it later concerns nobody. */
export class Attachment implements Carried, Link {
  #session: Carried | undefined;
  readonly #link: Link;
  #ending: NodeJS.Timeout | undefined;

  /** @param begin begins it */
  constructor(session: Carried, begin: (carried: Carried) => Link) {
    this.#session = session;
    this.#link = begin(this);
  }

  kick(): void {
    this.#link.kick();
  }

  /** Ends it from this side, unless it has ended. */
  hangUp(reason: ConnectError): void {
    this.#link.hangUp(reason);
  }

  /** The stub goes on without it. */
  letGo(): void {
    this.#session = undefined;
  }

  /** Waits for the host to end it, which has broken it, and then ends it from this side. */
  letEnd(withinMs: number): void {
    this.kick(); // To half-close.
    this.#ending = setTimeout(() => {
      const message = `the host has not ended the stub's call within ${withinMs} ms`;
      this.hangUp(new ConnectError(message, Code.Canceled));
    }, withinMs).unref();
  }

  next(room: number): CutFrame | "wait" | "halfClose" | "noRoom" {
    return this.#session === undefined ? "halfClose" : this.#session.next(room);
  }

  takeBack(): void {
    this.#session?.takeBack();
  }

  receive(frame: ConnectResponse): void {
    this.#session?.receive(frame);
  }

  violated(what: string): void {
    this.#session?.violated(what);
  }

  connectionEnded(error: ConnectError | undefined): void {
    clearTimeout(this.#ending);
    this.#session?.connectionEnded(error);
  }
}
