import { Code } from "@connectrpc/connect";
import { CallQueue, type PendingCall } from "./call-queue.js";
import { CallFailure, clientCause, Fate, Reasons, toldCause, type FailureCause } from "./failure.js";
import type { Broken, ConnectResponse, Open, Opened, Outcome } from "./gen/seriatim/v1/durable_objects_pb.js";
import { isIdDigits } from "./ids.js";
import type { ClientOptions } from "./options.js";

type State = "open" | "closing" | "closed" | "broken";

/** What the writer has to do next. */
export type Step =
  /** Nothing, until something has happened. */
  | { readonly do: "wait" }
  /** Send a frame with these calls, of which the first has this number; with `open`, it opens the stub, too. */
  | {
      readonly do: "send";
      readonly first: number;
      readonly calls: readonly PendingCall[];
      /** At least the size of the frame. */
      readonly bytes: number;
      readonly open?: Open;
      /** Through which outcome the host may forget them. Not set without a session. */
      readonly acknowledged?: number;
    }
  /** The same as to wait, since the next frame has more bytes than there is room for. */
  | { readonly do: "noRoom" }
  /** Half-close, and nothing more. */
  | { readonly do: "halfClose" };

export const WAIT: Step = Object.freeze({ do: "wait" });
export const NO_ROOM: Step = Object.freeze({ do: "noRoom" });
export const HALF_CLOSE: Step = Object.freeze({ do: "halfClose" });
export const NONE: readonly PendingCall[] = Object.freeze([]);

/** What one frame of the host means. */
export interface Received {
  /** Each answered by the outcome at the same place in the frame. */
  readonly answered: readonly PendingCall[];
  /** How the frame breaks the contract, behind those outcomes. */
  readonly violated?: FailureCause;
  /** Why the stub is broken, as the host told it: nothing is unknown then. */
  readonly told?: FailureCause;
}

/** What a call has to be told. */
export interface Verdict {
  readonly call: PendingCall;
  readonly failure: CallFailure;
}

/** What comes of the time that has passed. */
export interface Overdue {
  readonly verdicts: readonly Verdict[];

  /** When to look again. */
  readonly next: number;

  /** Whether the host has said nothing where it had to. */
  readonly isSilent: boolean;
}

/**
 * What a client knows of one stub: its calls and their numbers, which of them were sent and which answered,
 * whether it is open, and, when it has ended, what became of each call.
 *
 * It has no promise, no clock, no timer and no connection: its owner tells it what happens and what time it is,
 * and does what it says.
 */
export class Ledger {
  protected readonly options: Required<ClientOptions>;
  protected open: Open;
  protected readonly openBytes: number;
  readonly #expectedId: string | undefined;
  protected readonly calls = new CallQueue();
  /** The number of the last invocation of each frame that was sent and is not fully answered. */
  protected readonly frames: number[] = [];
  #state: State = "open";
  #cause: FailureCause | undefined;
  protected openSent = false;
  protected opened = false;
  /** How many of the unanswered calls have ended for their callers. */
  #overdue = 0;
  #awaitsWord = false;

  /**
   * @param openBytes what `open` adds to a frame, at most
   * @param expectedId what the host has to open, if it is known
   */
  constructor(
    options: Required<ClientOptions>,
    open: Open,
    openBytes: number,
    expectedId: string | undefined,
  ) {
    this.options = options;
    this.open = open;
    this.openBytes = openBytes;
    this.#expectedId = expectedId;
  }

  // ---- calls in --------------------------------------------------------------------------------------

  /** Takes a call in and gives it its number; or says why it can't be taken in. */
  take(call: PendingCall): number | FailureCause {
    return this.#refusal(call) ?? this.calls.add(call);
  }

  #refusal(call: PendingCall): FailureCause | undefined {
    if (this.#cause !== undefined) {
      return this.#cause;
    }
    if (this.#state !== "open") {
      return clientCause(Reasons.STUB_CLOSED, Code.FailedPrecondition, "the stub is closed");
    }
    const { maxInvocationBytes, maxBufferedInvocations, maxBufferedBytes } = this.options;
    if (call.bytes > maxInvocationBytes) {
      return clientCause(
        Reasons.CALL_TOO_LARGE,
        Code.ResourceExhausted,
        `the invocation has ${call.bytes} bytes, expected at most ${maxInvocationBytes}`,
      );
    }
    if (this.calls.waiting >= maxBufferedInvocations) {
      return bufferFull(
        `${this.calls.waiting} invocations wait to be sent, ` +
          `expected fewer than ${maxBufferedInvocations} before one more`,
      );
    }
    if (this.calls.waitingBytes + call.bytes > maxBufferedBytes) {
      return bufferFull(
        `${this.calls.waitingBytes} bytes wait to be sent, ` +
          `and ${call.bytes} more would pass the limit of ${maxBufferedBytes}`,
      );
    }
    return undefined;
  }

  /** Lets no more calls in; whether it did so now, and not before. */
  close(): boolean {
    if (this.#state !== "open") {
      return false;
    }
    this.#state = "closing";
    return true;
  }

  // ---- frames up -------------------------------------------------------------------------------------

  /**
   * What the writer has to do. The calls of a frame to send count as sent from now on.
   *
   * @param spare how many bytes a frame may have at the moment
   */
  next(spare = Infinity): Step {
    if (this.isOver || (this.#state === "closing" && this.calls.waiting === 0)) {
      return HALF_CLOSE;
    }
    if (this.calls.waiting === 0 || this.frames.length >= this.options.maxUnansweredFrames) {
      return WAIT;
    }
    const first = this.calls.sent + 1;
    const openBytes = this.openSent ? 0 : this.openBytes;
    const { maxFrameInvocations, maxFrameBytes } = this.options;
    const waitingBytes = this.calls.waitingBytes;
    const calls = this.calls.send(maxFrameInvocations, maxFrameBytes - openBytes, spare - openBytes);
    if (calls === undefined) {
      return NO_ROOM;
    }
    const bytes = openBytes + waitingBytes - this.calls.waitingBytes;
    this.frames.push(this.calls.sent);
    if (this.openSent) {
      return { do: "send", first, calls, bytes };
    }
    this.openSent = true;
    return { do: "send", first, calls, bytes, open: this.open };
  }

  /** What was sent has come to nobody, so it is to be sent again, and by then nothing was. */
  takeBack(): void {
    this.calls.takeBack();
    this.frames.length = 0;
    this.openSent = false;
  }

  // ---- frames down -----------------------------------------------------------------------------------

  /** Takes in one frame. */
  receive(frame: ConnectResponse): Received {
    if (this.isOver) {
      return { answered: NONE };
    }
    const violated = this.#checkOpened(frame);
    if (violated !== undefined) {
      return { answered: NONE, violated };
    }
    const answered: PendingCall[] = [];
    const wrong =
      this.#complete(frame.outcomes, answered) ??
      (frame.broken === undefined ? undefined : this.#checkBroken(frame.broken));
    if (wrong !== undefined) {
      return { answered, violated: violation(wrong) };
    }
    return frame.broken === undefined ? { answered } : { answered, told: toldCause(frame.broken) };
  }

  #checkOpened({ opened, outcomes, broken }: ConnectResponse): FailureCause | undefined {
    if (this.opened) {
      return opened === undefined ? undefined : violation("'opened' came twice");
    }
    if (opened === undefined) {
      const isRefused = broken !== undefined && outcomes.length === 0;
      return isRefused ? undefined : violation("the first frame has no 'opened'");
    }
    const cause = this.accept(opened);
    this.opened = cause === undefined;
    return cause;
  }

  /** Takes in what the host has opened; or says why it can't be that. */
  protected accept(opened: Opened): FailureCause | undefined {
    const wrong = this.#checkObject(opened);
    return wrong === undefined ? undefined : violation(wrong);
  }

  #checkObject(opened: Opened): string | undefined {
    if (!isIdDigits(opened.id)) {
      return `opened object '${opened.id}', expected 64 lower-case hex digits`;
    }
    if (this.#expectedId !== undefined && opened.id !== this.#expectedId) {
      return `opened object '${opened.id}', expected '${this.#expectedId}'`;
    }
    const name = this.open.object.case === "name" ? this.open.object.value : undefined;
    if (opened.name !== undefined && opened.name !== name) {
      return `opened name '${opened.name}', expected ${name === undefined ? "none" : `'${name}'`}`;
    }
    return undefined;
  }

  /** Takes out the calls that these outcomes answer, as far as their numbers are right. */
  #complete(outcomes: readonly Outcome[], answered: PendingCall[]): string | undefined {
    let wrong: string | undefined;
    for (const { sequence } of outcomes) {
      const expected = this.calls.answered + 1;
      if (sequence !== BigInt(expected)) {
        wrong = `outcome ${sequence}, expected outcome ${expected}`;
        break;
      }
      if (expected > this.calls.sent) {
        wrong = `outcome ${sequence} of a call that was not sent`;
        break;
      }
      const call = this.calls.answer();
      if (call.overdue) {
        this.#overdue--;
      }
      answered.push(call);
    }
    while ((this.frames[0] ?? Infinity) <= this.calls.answered) {
      this.frames.shift();
    }
    return wrong;
  }

  #checkBroken({ cause, completedThrough }: Broken): string | undefined {
    if (cause === undefined || cause.code === 0) {
      return "broken with code OK";
    }
    return this.mayBreakAt(completedThrough)
      ? undefined
      : `broken with completed_through ${completedThrough} after ${this.calls.answered} outcomes`;
  }

  /** Whether the host may say at a break that so many calls have completed. */
  protected mayBreakAt(completedThrough: bigint): boolean {
    return completedThrough === BigInt(this.calls.answered);
  }

  // ---- what is known ---------------------------------------------------------------------------------

  get isOpen(): boolean {
    return this.#state === "open";
  }

  protected get isClosing(): boolean {
    return this.#state === "closing";
  }

  get isBroken(): boolean {
    return this.#state === "broken";
  }

  get isOver(): boolean {
    return this.#state === "closed" || this.#state === "broken";
  }

  get cause(): FailureCause | undefined {
    return this.#cause;
  }

  /** Whether the host has said what it opened. */
  get isOpened(): boolean {
    return this.opened;
  }

  /** Whether a frame has been sent. */
  get hasSent(): boolean {
    return this.openSent;
  }

  /** The number of the last call that was answered. */
  get answered(): number {
    return this.calls.answered;
  }

  /** Whether every call has been answered. */
  get isAnswered(): boolean {
    return this.calls.isEmpty;
  }

  /** Whether there is nothing left, for any caller, but the end of the connection. */
  get isDone(): boolean {
    return this.#state === "broken" || (this.#state === "closing" && this.#overdue === this.calls.length);
  }

  /** Whether some call's time has run out, and the host's word of that is awaited. */
  get awaitsWord(): boolean {
    return this.#awaitsWord;
  }

  // ---- the end ---------------------------------------------------------------------------------------

  /** Ends the stub in order, if it was closed and everything is answered; whether it did. */
  finish(): boolean {
    if (this.#state !== "closing" || !this.calls.isEmpty) {
      return false;
    }
    this.#state = "closed";
    return true;
  }

  /**
   * Breaks the stub, unless it has ended.
   *
   * @returns what each call that is left has to be told: those that were sent have the given fate, the others
   *     were not executed. Undefined if the stub had ended.
   */
  break(cause: FailureCause, sentFate: Fate): Verdict[] | undefined {
    if (this.isOver) {
      return undefined;
    }
    this.#state = "broken";
    this.#cause = cause;
    return this.calls
      .clear()
      .filter(([, call]) => !call.overdue)
      .map(([sequence, call]) => this.#judge(sequence, call, cause, sentFate));
  }

  #judge(sequence: number, call: PendingCall, cause: FailureCause, sentFate: Fate): Verdict {
    const fate = this.mayHaveRun(sequence) ? sentFate : Fate.NOT_EXECUTED;
    return { call, failure: new CallFailure(cause, fate, BigInt(sequence)) };
  }

  /** Whether a call that is not answered was sent, and nothing speaks against its having run. */
  protected mayHaveRun(sequence: number): boolean {
    return sequence <= this.calls.sent;
  }

  // ---- deadlines -------------------------------------------------------------------------------------

  /**
   * The calls that end for their callers by now, since their time has run out, and when to look again. The stub
   * goes on, and such a call keeps its place: the host will tell what became of it.
   *
   * The host breaks the stub at a call whose time has run out when nothing of the stub stands before it. So if
   * the oldest call's time has run out too, the host's word is on its way, and is awaited for
   * {@link ClientOptions.deadlineGraceMs}. Otherwise an older call, which has more time, may keep the host from
   * saying anything. Its word isn't awaited either where it can't say anything.
   */
  overdue(now: number): Overdue {
    this.#awaitsWord = false;
    const verdicts: Verdict[] = [];
    let next = Infinity;
    let isSilent = false;
    let oldest: PendingCall | undefined;
    for (const [sequence, call] of this.isOver ? [] : this.calls.unanswered()) {
      oldest ??= call;
      if (call.overdue || call.deadline === Infinity) {
        continue;
      }
      if (call.deadline > now) {
        next = Math.min(next, call.deadline);
        continue;
      }
      let message = `its deadline passed behind call ${this.calls.answered + 1}, which has no answer yet`;
      if (!this.mayTell()) {
        message = "its deadline passed while the stub had no connection";
      } else if (oldest.deadline <= now) {
        const patience = call.deadline + this.options.deadlineGraceMs;
        if (patience > now) {
          this.#awaitsWord = true;
          next = Math.min(next, patience);
          continue;
        }
        message = `no answer ${this.options.deadlineGraceMs} ms after its deadline`;
        isSilent = true;
      }
      call.overdue = true;
      this.#overdue++;
      const cause = clientCause(Reasons.ANSWER_OVERDUE, Code.DeadlineExceeded, message, {
        failedSequence: BigInt(sequence),
      });
      verdicts.push(this.#judge(sequence, call, cause, Fate.UNKNOWN));
    }
    return { verdicts, next, isSilent };
  }

  /** Whether the host hears of the stub's calls, so that it can tell of them. */
  protected mayTell(): boolean {
    return true;
  }
}

/** Why a stub breaks whose host breaks the rules. */
export function violation(what: string): FailureCause {
  return clientCause(Reasons.HOST_VIOLATION, Code.Internal, `the host broke the protocol: ${what}`);
}

function bufferFull(message: string): FailureCause {
  return clientCause(Reasons.BUFFER_FULL, Code.ResourceExhausted, message, { overloaded: true });
}
