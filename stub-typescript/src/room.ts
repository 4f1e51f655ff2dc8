import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";

/** A place for the stream of one stub. */
export interface Place {
  /** Resolves when a stream may be opened, and rejects with the signal's reason if that aborts first. */
  readonly free: Promise<void>;

  /** It isn't needed, or not any longer. */
  leave(): void;
}

/** What grants a place to who waits for it. */
type Waiting = () => void;

/**
 * How many more streams a connection takes: as many at once as its other end permits (SETTINGS_MAX_CONCURRENT_STREAMS).
 *
 * A stream beyond that would be opened by Node.js all the same and kept back, with what was written to it, and nobody
 * could tell whether anything had been sent. So a stub has its place before it opens its stream. Until the other end has
 * said what it permits, there is one.
 */
export class Room {
  /** The session that takes new streams. */
  #session: ClientHttp2Session | undefined;
  /** Whether the other end has said what it permits. */
  #isSettled = false;
  /** How many streams are open on that session. */
  #streams = 0;
  /** The places that were granted and whose streams have not been opened yet. */
  readonly #granted = new Set<Place>();
  readonly #waiting = new Set<Waiting>();

  /** How many streams the other end permits; undefined if that isn't known. */
  get limit(): number | undefined {
    return this.#isSettled ? this.#session?.remoteSettings.maxConcurrentStreams : undefined;
  }

  /** How many streams are open on the session that takes new ones. */
  get streams(): number {
    return this.#streams;
  }

  /** Whether the connection carries as many streams as its other end permits. */
  get isFull(): boolean {
    return this.limit !== undefined && this.#streams >= this.limit;
  }

  place(signal: AbortSignal): Place {
    let waiting: Waiting;
    const leave = (): void => {
      signal.removeEventListener("abort", onAbort);
      this.#waiting.delete(waiting);
      if (this.#granted.delete(place)) {
        this.#grant();
      }
    };
    let onAbort: () => void;
    const free = new Promise<void>((resolve, reject) => {
      waiting = () => {
        this.#granted.add(place);
        resolve();
      };
      onAbort = () => {
        leave();
        reject(signal.reason as Error);
      };
      this.#waiting.add(waiting);
      signal.addEventListener("abort", onAbort);
    });
    const place: Place = { free, leave };
    this.#grant();
    return place;
  }

  /** A stream was opened; for a stub, or for a call of another kind. */
  entered(stream: ClientHttp2Stream, forStub: boolean): void {
    const session = stream.session as ClientHttp2Session | undefined;
    const [granted] = this.#granted;
    if (forStub && granted !== undefined) {
      this.#granted.delete(granted);
    }
    if (session === undefined) {
      return; // It has ended already.
    }
    if (session !== this.#session) {
      this.#changeTo(session);
    }
    this.#streams++;
    stream.once("response", () => {
      this.#settled(session); // Since what is permitted is the first thing that the other end says.
    });
    stream.once("close", () => {
      if (session === this.#session) {
        this.#streams--;
        this.#grant();
      }
    });
  }

  #changeTo(session: ClientHttp2Session): void {
    this.#session = session;
    this.#isSettled = false;
    this.#streams = 0;
    session.on("remoteSettings", () => {
      this.#settled(session);
    });
    const gone = (): void => {
      if (session === this.#session) {
        this.#session = undefined;
        this.#isSettled = false;
        this.#streams = 0;
        this.#grant();
      }
    };
    session.once("goaway", gone);
    session.once("close", gone);
  }

  #settled(session: ClientHttp2Session): void {
    if (session === this.#session) {
      this.#isSettled = true;
      this.#grant();
    }
  }

  #grant(): void {
    for (const waiting of this.#waiting) {
      if (this.#streams + this.#granted.size >= (this.limit ?? 1)) {
        return;
      }
      this.#waiting.delete(waiting);
      waiting();
    }
  }
}
