import { Code, ConnectError } from "@connectrpc/connect";
import type { PendingCall } from "./call-queue.js";
import type { Access, Client } from "./client.js";
import { isRefusal, type Connection } from "./connection.js";
import { CallFailure, clientCause, Fate, lostCause, Reasons, type FailureCause } from "./failure.js";
import { openBytes, requestFrame } from "./frames.js";
import type { ConnectResponse, Open, Opened } from "./gen/seriatim/v1/durable_objects_pb.js";
import { handOut } from "./hand-out.js";
import { Ledger, violation, type Step, type Verdict } from "./ledger.js";
import type { Carried, CutFrame, Link } from "./link.js";
import type { StubRoute } from "./routes.js";
import { warn } from "./warn.js";
import { Watchdog } from "./watchdog.js";

/**
 * One stub, apart from the connection that carries it: it keeps the ledger, drives the link, tells callers and
 * listeners, and has the watchdog's timers do what they are for. It ends with its connection; a {@link ResumableSession}
 * doesn't.
 *
 * Nothing here leads back to the stub, or one that is dropped would never be found.
 */
export class Session<L extends Ledger = Ledger> implements Carried {
  protected readonly client: Client;
  protected readonly ledger: L;
  protected readonly route: StubRoute | undefined;
  protected readonly watchdog = new Watchdog();
  protected link: Link | undefined;
  #access: Access; // Where the stub is opened.
  readonly #open: Open;
  #breakListeners: ((cause: FailureCause) => void)[] = [];
  #isHeld = false;
  #tellEnded!: () => void;

  /** Resolves when every call has been settled and no more can be made. */
  readonly ended: Promise<void>;

  /** @param route where the stub may be opened instead; undefined, if it may not */
  protected constructor(client: Client, open: Open, ledger: L, route: StubRoute | undefined) {
    this.client = client;
    this.route = route;
    this.#access = client;
    this.#open = open;
    this.ledger = ledger;
    this.ended = new Promise((resolve) => (this.#tellEnded = resolve));
  }

  /**
   * @param expectedId what the host has to open, if it is known
   * @param route where the stub may be opened instead; undefined, if it may not
   */
  static of(
    client: Client,
    open: Open,
    expectedId: string | undefined,
    route: StubRoute | undefined,
  ): Session {
    return new Session(client, open, new Ledger(client.options, open, openBytes(open), expectedId), route);
  }

  // ---- what callers do -------------------------------------------------------------------------------

  /** Takes a call in and gives it its number, which it returns; or fails it at once, and returns 0. */
  submit(call: PendingCall): number {
    const taken = this.ledger.take(call);
    if (typeof taken !== "number") {
      call.fail(new CallFailure(taken, Fate.NOT_EXECUTED, 0n));
      return 0;
    }
    if (this.link === undefined) {
      this.begin();
    }
    if (call.deadline !== Infinity) {
      this.#lookBy(call.deadline);
    }
    this.holdProcess();
    this.link?.kick();
    return taken;
  }

  /** There is a call, and no connection. */
  protected begin(): void {
    this.link = this.attach(this);
  }

  /** Begins a connection. */
  protected attach(carried: Carried): Link {
    this.#access = this.route?.begin() ?? this.client;
    this.watchdog.expectOpening(this.client.options.openTimeoutMs, () => {
      this.openingOverdue(this.#openingCause());
    });
    return this.#access.carry(carried);
  }

  get isBroken(): boolean {
    return this.ledger.isBroken;
  }

  get cause(): FailureCause | undefined {
    return this.ledger.cause;
  }

  onBreak(listener: (cause: FailureCause) => void): void {
    if (this.ledger.cause !== undefined) {
      tell(listener, this.ledger.cause);
    } else if (!this.ledger.isOver) {
      this.#breakListeners.push(listener);
    }
  }

  /** Lets no more calls in, and ends the stub when what was taken in has been answered. */
  close(): void {
    if (!this.ledger.close()) {
      return;
    }
    if (this.link === undefined && this.ledger.finish()) {
      this.settle();
      return;
    }
    this.holdProcess();
    this.link?.kick();
    this.#expectEndIfDone();
  }

  /** Breaks the stub from this side. What was sent is lost, what wasn't is not executed. */
  cancel(message: string): void {
    this.#breakHere(clientCause(Reasons.STUB_CANCELLED, Code.Canceled, message));
  }

  /** Closes a stub that nobody can reach any more, if it was opened. */
  dropped(): void {
    if (this.ledger.isOpen && this.isBegun) {
      const { namespace, object } = this.#open;
      this.client.warnOfDropped(`the stub on ${namespace}/${String(object.value)}`);
      this.close();
    }
  }

  protected get isBegun(): boolean {
    return this.link !== undefined;
  }

  // ---- what the link asks and tells ------------------------------------------------------------------

  next(room: number): CutFrame | "wait" | "halfClose" | "noRoom" {
    const step = this.step(room);
    if (step.do !== "send") {
      return step.do;
    }
    const { open, first, calls, bytes, acknowledged } = step;
    return { frame: requestFrame(open, first, calls, performance.now(), acknowledged), bytes };
  }

  protected step(room: number): Step {
    return this.ledger.next(room);
  }

  takeBack(): void {
    this.ledger.takeBack();
  }

  receive(frame: ConnectResponse): void {
    if (this.ledger.isOver) {
      this.#hangUp(); // Nothing may follow the end; whatever this is, don't listen any longer.
      return;
    }
    const wasOpened = this.ledger.isOpened;
    const first = this.ledger.answered + 1;
    const { answered, violated, told } = this.ledger.receive(frame);
    if (this.ledger.isOpened !== wasOpened) {
      this.watchdog.opened();
      if (frame.opened !== undefined) {
        this.opened(frame.opened);
      }
    }
    const unreadable = handOut(first, answered, frame.outcomes);
    if (unreadable !== undefined) {
      this.#breakHere(unreadable);
    } else if (violated !== undefined) {
      this.#breakHere(violated);
    } else if (told !== undefined) {
      this.told(told);
    } else if (answered.length > 0) {
      this.#goOn();
    }
  }

  protected opened(opened: Opened): void {
    this.route?.opened(opened);
  }

  /** The host has told of a break. */
  protected told(cause: FailureCause): void {
    this.breakAsTold(cause, Fate.NOT_EXECUTED);
  }

  protected breakAsTold(cause: FailureCause, sentFate: Fate): void {
    this.end(cause, sentFate);
    this.#expectEndIfDone();
    this.watchdog.endAlone();
  }

  /** Calls have been answered. */
  #goOn(): void {
    if (this.ledger.isAnswered) {
      this.watchdog.looks();
    } else if (this.ledger.awaitsWord) {
      this.#checkDeadlines(); // Another call is the oldest now.
    }
    this.link?.kick();
    this.#expectEndIfDone();
    this.holdProcess();
  }

  violated(what: string): void {
    this.#breakHere(violation(what));
  }

  connectionEnded(error: ConnectError | undefined): void {
    this.watchdog.stopAll();
    if (error === undefined && this.ledger.finish()) {
      this.settle();
    } else {
      const isUntouched = isRefusal(error) && !this.ledger.isOpened;
      this.end(lostCause(error), isUntouched ? Fate.NOT_EXECUTED : Fate.UNKNOWN);
    }
  }

  // ---- the end ---------------------------------------------------------------------------------------

  #breakHere(cause: FailureCause): void {
    this.end(cause, Fate.UNKNOWN);
    this.#hangUp();
  }

  /** Fails every call that is left, and then tells the listeners. Does so once. */
  protected end(cause: FailureCause, sentFate: Fate): void {
    const verdicts = this.ledger.break(cause, sentFate);
    if (verdicts === undefined) {
      return;
    }
    this.route?.broke(cause); // First, since callers may try again at once.
    carryOut(verdicts);
    const listeners = this.#breakListeners;
    this.settle();
    for (const listener of listeners) {
      tell(listener, cause);
    }
  }

  protected settle(): void {
    this.#breakListeners = [];
    this.watchdog.stop();
    this.link?.kick(); // To half-close.
    this.holdProcess();
    this.route?.ended();
    this.#tellEnded();
  }

  #hangUp(): void {
    const message = this.ledger.cause?.message ?? "the stub has ended";
    this.link?.hangUp(new ConnectError(message, Code.Canceled));
  }

  /** The host has only to end the call, and doesn't get all the time for it. */
  #expectEndIfDone(): void {
    if (this.ledger.isDone) {
      const { endTimeoutMs } = this.client.options;
      this.watchdog.expectEnd(endTimeoutMs, () => {
        this.#breakHere(
          clientCause(
            Reasons.ANSWER_OVERDUE,
            Code.DeadlineExceeded,
            `the stub has nothing left, and the host has not ended it within ${endTimeoutMs} ms`,
          ),
        );
      });
    }
  }

  /** The process lives as long as someone waits for something; a stub that is only open doesn't keep it. */
  protected holdProcess(): void {
    const isBusy = !this.ledger.isOver && !(this.ledger.isOpen && this.ledger.isAnswered);
    if (isBusy !== this.#isHeld) {
      this.#isHeld = isBusy;
      if (isBusy) {
        this.#access.connection?.hold();
      } else {
        this.#access.connection?.release();
      }
    }
  }

  protected releaseProcess(): void {
    if (this.#isHeld) {
      this.#isHeld = false;
      this.#access.connection?.release();
    }
  }

  // ---- what the watchdog wakes -----------------------------------------------------------------------

  protected openingOverdue(cause: FailureCause): void {
    this.#breakHere(cause);
  }

  #openingCause(): FailureCause {
    const { openTimeoutMs } = this.client.options;
    return this.ledger.hasSent
      ? openOverdue(`the host has not opened the stub within ${openTimeoutMs} ms`)
      : noStream(this.#access.connection, openTimeoutMs);
  }

  #lookBy(time: number): void {
    this.watchdog.lookBy(time, () => {
      this.#checkDeadlines();
    });
  }

  #checkDeadlines(): void {
    this.watchdog.looks();
    const { verdicts, next, isSilent } = this.ledger.overdue(performance.now());
    carryOut(verdicts);
    this.#lookBy(next);
    this.#expectEndIfDone();
    if (isSilent) {
      this.isSilent();
    }
  }

  /** The host has said nothing where it had to. That breaks no stub. */
  protected isSilent(): void {
    return;
  }
}

/** Why a stub has no stream. */
function noStream(connection: Connection | undefined, withinMs: number): FailureCause {
  const { limit, streams, isFull } = connection?.room ?? { isFull: false };
  if (!isFull) {
    const state = connection === undefined ? "" : `: it is ${connection.state}`;
    return openOverdue(`there was no connection to the host within ${withinMs} ms${state}`);
  }
  return clientCause(
    Reasons.OPEN_OVERDUE,
    Code.ResourceExhausted,
    `the connection had no room for one more stub within ${withinMs} ms: each open stub is a stream, and the other ` +
      `side allows no more than ${limit} of them at a time (HTTP/2's SETTINGS_MAX_CONCURRENT_STREAMS); ${streams} are open`,
    { overloaded: true },
  );
}

function openOverdue(message: string): FailureCause {
  return clientCause(Reasons.OPEN_OVERDUE, Code.Unavailable, message, { retryable: true });
}

function carryOut(verdicts: readonly Verdict[]): void {
  for (const { call, failure } of verdicts) {
    call.fail(failure);
  }
}

function tell(listener: (cause: FailureCause) => void, cause: FailureCause): void {
  try {
    listener(cause);
  } catch (thrown) {
    warn("a listener for the break of a stub threw", thrown);
  }
}
