import { clone, create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { clientCause, Fate, Reasons, type FailureCause } from "./failure.js";
import { duration } from "./frames.js";
import {
  OpenSchema,
  SessionSchema,
  type ConnectResponse,
  type Open,
  type Opened,
} from "./gen/seriatim/v1/durable_objects_pb.js";
import { HALF_CLOSE, Ledger, NO_ROOM, NONE, violation, WAIT, type Received, type Step } from "./ledger.js";
import type { ClientOptions } from "./options.js";

/** With so many outcomes, or bytes of them, that the host doesn't know to be received, it is told though nothing else is. */
const MAX_UNSAID_OUTCOMES = 256;
const MAX_UNSAID_BYTES = 64 * 1024;

/** What an outcome adds to its result, at most. */
const OUTCOME_BYTES = 24;

/** What a frame has that only acknowledges, at most. */
const ACKNOWLEDGEMENT_BYTES = 16;

/** What the end of a connection says of the calls that were sent on it and not answered. */
export type Loss =
  /** Nothing. */
  | "inDoubt"
  /** Nothing was processed, and nothing ever arrived. */
  | "neverCame"
  /** The host has not opened the stub; what it was sent on this connection has no effect. */
  | "refused"
  /** The host says that they had no effect yet, on whatever connection they were sent. */
  | "hadNoEffect";

/** When calls were first sent, up to one of them. */
interface Sending {
  readonly last: number;
  readonly at: number;
  /** How much later a connection may be opened: half the time for which the host remembers. */
  restMs: number;
}

/**
 * What a client knows of one resumable stub, over all of its connections. To that of a {@link Ledger} it adds the session:
 * the number of the connection, what is to be sent again, which calls may have run, what has been acknowledged.
 *
 * When to open a connection, {@link Resumption} says.
 */
export class ResumableLedger extends Ledger {
  readonly #id: string;
  #connection = 0;
  #isAttached = false;
  /** Whether the host knows nothing of sessions. */
  #isOrdinary = false;
  /** The last call that was ever sent. */
  #last = 0;
  /** The last call that may have run, and what that was before this connection. */
  #doubtful = 0;
  #doubtfulBefore = 0;
  /** Of those that are not answered, the oldest first. */
  #sendings: Sending[] = [];
  #restMs = Infinity;
  #said = 0;
  #unsaidBytes = 0;

  /**
   * @param openBytes what `open` adds to a frame, at most, with the session
   * @param id 16 bytes, of which nobody else knows, as a string in Latin-1: it takes a fifth of their own room
   */
  constructor(
    options: Required<ClientOptions>,
    open: Open,
    openBytes: number,
    expectedId: string | undefined,
    id: string,
  ) {
    super(options, open, openBytes, expectedId);
    this.#id = id;
  }

  /** Whether the stub outlives its connections: so it does, unless the host says that it knows nothing of that. */
  get isResumable(): boolean {
    return !this.#isOrdinary;
  }

  /** The number of the connection that there is, or of the last one; 0 if there was none. */
  get connection(): number {
    return this.#connection;
  }

  /** Until when a connection may be opened: afterwards the host may have forgotten calls that have run. */
  get resumableUntil(): number {
    const [oldest] = this.#sendings;
    return oldest === undefined ? Infinity : oldest.at + oldest.restMs;
  }

  // ---- connections -----------------------------------------------------------------------------------

  /** The next connection begins. */
  attach(): void {
    this.#connection++;
    this.#isAttached = true;
    this.#doubtfulBefore = this.#doubtful;
  }

  /** The connection is over for this stub. Every call that is not answered waits again. */
  detach(loss: Loss): void {
    this.#isAttached = false;
    if (loss === "hadNoEffect") {
      this.#doubtful = this.answered;
    } else if (loss !== "inDoubt") {
      this.#doubtful = this.#doubtfulBefore;
    }
    if (loss === "neverCame") {
      this.#neverSent();
    }
    super.takeBack();
    this.opened = false;
  }

  override takeBack(): void {
    this.#doubtful = this.#doubtfulBefore;
    this.#neverSent();
    super.takeBack();
  }

  /** Calls are sent before `opened` on the first connection alone, so these were the first. */
  #neverSent(): void {
    if (this.#connection === 1) {
      this.#last = 0;
      this.#sendings = [];
    }
  }

  protected override mayTell(): boolean {
    return this.#isOrdinary || (this.#isAttached && (this.opened || this.#connection === 1));
  }

  // ---- frames up -------------------------------------------------------------------------------------

  override next(spare = Infinity, now = 0): Step {
    if (this.#isOrdinary || this.isOver) {
      return super.next(spare);
    }
    if (this.#connection > 1 && !this.opened) {
      return this.openSent ? WAIT : this.#openAlone(spare, now);
    }
    if (this.isClosing && this.calls.isEmpty) {
      return this.#said < this.answered ? this.#acknowledgeAlone(spare) : HALF_CLOSE;
    }
    const step = this.calls.waiting === 0 ? WAIT : super.next(spare);
    if (step.do === "send") {
      const open = step.open && this.#openNow(now);
      this.#sent(now);
      return { ...step, open, acknowledged: this.#acknowledge() };
    }
    return step.do === "wait" && this.#hasMuchToSay ? this.#acknowledgeAlone(spare) : step;
  }

  #openNow(now: number): Open {
    const session = create(SessionSchema, {
      id: Buffer.from(this.#id, "latin1"),
      connection: this.#connection,
      answeredThrough: BigInt(this.answered),
    });
    const [oldest] = this.#sendings;
    if (oldest !== undefined) {
      session.unansweredFor = duration(Math.max(0, now - oldest.at));
    }
    const open = clone(OpenSchema, this.open);
    open.session = session;
    return open;
  }

  #openAlone(spare: number, now: number): Step {
    if (this.openBytes > spare) {
      return NO_ROOM;
    }
    this.openSent = true;
    return {
      do: "send",
      open: this.#openNow(now),
      first: this.answered + 1,
      calls: NONE,
      bytes: this.openBytes,
      acknowledged: this.#acknowledge(),
    };
  }

  #acknowledgeAlone(spare: number): Step {
    if (ACKNOWLEDGEMENT_BYTES > spare) {
      return NO_ROOM;
    }
    return {
      do: "send",
      first: this.answered + 1,
      calls: NONE,
      bytes: ACKNOWLEDGEMENT_BYTES,
      acknowledged: this.#acknowledge(),
    };
  }

  #acknowledge(): number {
    this.#said = this.answered;
    this.#unsaidBytes = 0;
    return this.#said;
  }

  get #hasMuchToSay(): boolean {
    return this.answered - this.#said >= MAX_UNSAID_OUTCOMES || this.#unsaidBytes >= MAX_UNSAID_BYTES;
  }

  #sent(now: number): void {
    const last = this.calls.sent;
    this.#doubtful = Math.max(this.#doubtful, last);
    if (last > this.#last) {
      this.#last = last;
      this.#sendings.push({ last, at: now, restMs: this.#restMs });
    }
  }

  // ---- frames down -----------------------------------------------------------------------------------

  override receive(frame: ConnectResponse): Received {
    const received = super.receive(frame);
    if (!this.#isOrdinary && received.answered.length > 0) {
      received.answered.forEach((_, index) => {
        const result = frame.outcomes[index]?.result;
        this.#unsaidBytes += OUTCOME_BYTES + (result?.case === "message" ? result.value.length : 0);
      });
      while ((this.#sendings[0]?.last ?? Infinity) <= this.answered) {
        this.#sendings.shift();
      }
      if (this.#sendings.length === 0) {
        this.#sendings = []; // Which has no room to spare.
      }
    }
    return received;
  }

  protected override accept(opened: Opened): FailureCause | undefined {
    return super.accept(opened) ?? this.#acceptSession(opened);
  }

  #acceptSession({ session }: Opened): FailureCause | undefined {
    if (session === undefined) {
      return this.#hasNoSession();
    }
    const { completedThrough, retention } = session;
    if (completedThrough < BigInt(this.answered)) {
      return violation(
        `the session has completed through ${completedThrough}, expected at least ${this.answered}, which was answered`,
      );
    }
    if (completedThrough > BigInt(this.#last)) {
      return violation(
        `the session has completed through ${completedThrough}, expected at most ${this.#last}, the last that was sent`,
      );
    }
    if (retention !== undefined) {
      this.#restMs = (Number(retention.seconds) * 1000 + retention.nanos / 1e6) / 2;
      for (const sending of this.#sendings) {
        sending.restMs = Math.min(sending.restMs, this.#restMs);
      }
    }
    if (this.#connection > 1) {
      this.calls.goOnBehind(Number(completedThrough));
    }
    return undefined;
  }

  #hasNoSession(): FailureCause | undefined {
    if (this.#connection > 1) {
      const message = `the host knows nothing of sessions, so it can't resume the stub on connection ${this.#connection}`;
      return clientCause(Reasons.CONNECTION_LOST, Code.Unavailable, message, { retryable: true });
    }
    this.#isOrdinary = true;
    return undefined;
  }

  /** A host that has not opened the stub says nothing of what it was sent before. */
  protected override mayBreakAt(completedThrough: bigint): boolean {
    return super.mayBreakAt(completedThrough) || (this.#connection > 1 && !this.opened);
  }

  /** How a break that the host has told loses the connection; undefined, if it breaks the stub. */
  lossBy({ reason, retryable }: FailureCause): Loss | undefined {
    if (this.#isOrdinary) {
      return undefined;
    }
    if (reason === Reasons.SESSION_SUPERSEDED && !this.opened) {
      return "inDoubt"; // The first frames may have come twice, and the others were taken.
    }
    if (!retryable) {
      return undefined;
    }
    return this.opened ? "hadNoEffect" : "refused";
  }

  /** What such a break, if it breaks the stub, says of the calls that may have run. */
  get fateOfSent(): Fate {
    return this.opened || this.#connection === 1 ? Fate.NOT_EXECUTED : Fate.UNKNOWN;
  }

  protected override mayHaveRun(sequence: number): boolean {
    return this.#isOrdinary ? super.mayHaveRun(sequence) : sequence <= this.#doubtful;
  }
}
