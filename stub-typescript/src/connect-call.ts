import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { DurationSchema, type Duration } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { CallQueue, type PendingCall } from "./call-queue.js";
import { isRefusal } from "./connection.js";
import {
  CallFailure,
  clientCause,
  Fate,
  lostCause,
  Reasons,
  toldCause,
  type FailureCause,
} from "./failure.js";
import {
  ConnectRequestSchema,
  DurableObjects,
  InvocationSchema,
  OpenSchema,
  type Broken,
  type ConnectRequest,
  type ConnectResponse,
  type Invocation,
  type Open,
  type Outcome,
} from "./gen/seriatim/v1/durable_objects_pb.js";
import { isIdDigits } from "./ids.js";
import { warn } from "./warn.js";
import type { ClientOptions } from "./options.js";

/** The longest timer that the runtime has. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The longest `google.protobuf.Duration`. */
const MAX_DURATION_MS = 315_576_000_000 * 1000;

type State = "open" | "closing" | "closed" | "broken";

/** The host did what the contract forbids. */
class HostViolation extends Error {
  override readonly name = "HostViolation";

  /** The call that completed, but whose result can't be used. */
  readonly completed: PendingCall | undefined;

  constructor(message: string, completed?: PendingCall) {
    super(message);
    this.completed = completed;
  }
}

/**
 * One stub's `Connect` call: numbers calls, sends them in self-clocked frames, matches the outcomes, and
 * decides what became of each call when it ends.
 *
 * Frames are pulled by the transport, when there is a connection and the one before has been written. What
 * was not pulled was not sent.
 */
export class ConnectCall {
  readonly #transport: Transport;
  readonly #options: Required<ClientOptions>;
  readonly #open: Open;
  readonly #expectedId: string | undefined;
  readonly #abort = new AbortController();
  readonly #calls = new CallQueue();
  /** The number of the last invocation of each frame that was sent and is not fully answered. */
  readonly #frames: number[] = [];
  readonly #requests: AsyncIterator<ConnectRequest>;
  readonly #ended: Promise<void>;

  #state: State = "open";
  #cause: FailureCause | undefined;
  #started = false;
  #openSent = false;
  #opened = false;
  #pull: ((result: IteratorResult<ConnectRequest, undefined>) => void) | undefined;
  #pumpQueued = false;
  #breakListeners: ((cause: FailureCause) => void)[] = [];
  #tellEnded!: () => void;
  #openTimer: NodeJS.Timeout | undefined;
  #endTimer: NodeJS.Timeout | undefined;
  #deadlineTimer: NodeJS.Timeout | undefined;
  #watchedDeadline = Infinity;

  constructor(
    transport: Transport,
    options: Required<ClientOptions>,
    open: Open,
    expectedId: string | undefined,
  ) {
    this.#transport = transport;
    this.#options = options;
    this.#open = open;
    this.#expectedId = expectedId;
    this.#ended = new Promise((resolve) => (this.#tellEnded = resolve));
    this.#requests = {
      next: () =>
        new Promise((resolve) => {
          this.#pull = resolve;
          this.#pumpSoon();
        }),
      return: () => this.#stopRequests(),
      throw: () => this.#stopRequests(),
    };
  }

  // ---- what callers do -------------------------------------------------------------------------------

  /** Takes a call in and gives it its number, which it returns; or fails it at once, and returns 0. */
  submit(call: PendingCall): number {
    const refusal = this.#refusal(call);
    if (refusal !== undefined) {
      call.fail(new CallFailure(refusal, Fate.NOT_EXECUTED, 0n));
      return 0;
    }
    const sequence = this.#calls.add(call);
    if (!this.#started) {
      this.#start();
    }
    this.#watch(call.deadline);
    this.#pumpSoon();
    return sequence;
  }

  #refusal(call: PendingCall): FailureCause | undefined {
    if (this.#cause !== undefined) {
      return this.#cause;
    }
    if (this.#state !== "open") {
      return clientCause(Reasons.STUB_CLOSED, Code.FailedPrecondition, "the stub is closed");
    }
    const { maxInvocationBytes, maxBufferedInvocations, maxBufferedBytes } = this.#options;
    if (call.bytes > maxInvocationBytes) {
      return clientCause(
        Reasons.CALL_TOO_LARGE,
        Code.ResourceExhausted,
        `the invocation has ${call.bytes} bytes, expected at most ${maxInvocationBytes}`,
      );
    }
    if (this.#calls.waiting >= maxBufferedInvocations) {
      return bufferFull(
        `${this.#calls.waiting} invocations wait to be sent, expected fewer than maxBufferedInvocations`,
      );
    }
    if (this.#calls.waitingBytes + call.bytes > maxBufferedBytes) {
      return bufferFull(
        `${this.#calls.waitingBytes} bytes wait to be sent, ` +
          `${call.bytes} more would pass maxBufferedBytes ${maxBufferedBytes}`,
      );
    }
    return undefined;
  }

  get isBroken(): boolean {
    return this.#state === "broken";
  }

  get cause(): FailureCause | undefined {
    return this.#cause;
  }

  /** Resolves when every call has been settled and no more can be made. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  onBreak(listener: (cause: FailureCause) => void): void {
    if (this.#cause !== undefined) {
      tell(listener, this.#cause);
    } else if (this.#state !== "closed") {
      this.#breakListeners.push(listener);
    }
  }

  /** Lets no more calls in, and ends the call when what was taken in has been answered. */
  close(): void {
    if (this.#state !== "open") {
      return;
    }
    this.#state = "closing";
    if (this.#started) {
      this.#pumpSoon();
      this.#endSoonIfAnswered();
    } else {
      this.#closed();
    }
  }

  /** Breaks the stub from this side. What was sent is lost, what wasn't is not executed. */
  cancel(message: string): void {
    this.#breakHere(clientCause(Reasons.STUB_CANCELLED, Code.Canceled, message));
  }

  // ---- frames up -------------------------------------------------------------------------------------

  #start(): void {
    this.#started = true;
    this.#openTimer = setTimeout(() => {
      this.#breakHere(
        clientCause(
          Reasons.ANSWER_OVERDUE,
          Code.DeadlineExceeded,
          `the host has not opened the stub within ${this.#options.openTimeoutMs} ms`,
        ),
      );
    }, this.#options.openTimeoutMs);
    void this.#run();
  }

  /** Runs the call to its end. Never rejects. */
  async #run(): Promise<void> {
    let error: ConnectError | undefined;
    try {
      const response = await this.#transport.stream(
        DurableObjects.method.connect,
        this.#abort.signal,
        0, // No timeout, whatever the transport has by default.
        undefined,
        { [Symbol.asyncIterator]: () => this.#requests },
      );
      for await (const frame of response.message) {
        this.#receive(frame);
      }
    } catch (thrown) {
      error = ConnectError.from(thrown);
    }
    clearTimeout(this.#endTimer);
    if (error === undefined && this.#state === "closing" && this.#calls.isEmpty) {
      this.#closed();
    } else {
      this.#end(lostCause(error), isRefusal(error) && !this.#opened ? Fate.NOT_EXECUTED : Fate.UNKNOWN);
    }
  }

  /** Calls made in one go leave in one frame. */
  #pumpSoon(): void {
    if (this.#pull !== undefined && !this.#pumpQueued) {
      this.#pumpQueued = true;
      queueMicrotask(() => {
        this.#pumpQueued = false;
        this.#pump();
      });
    }
  }

  #pump(): void {
    const pull = this.#pull;
    if (pull === undefined) {
      return;
    }
    if (this.#isOver || (this.#state === "closing" && this.#calls.waiting === 0)) {
      this.#pull = undefined;
      pull({ done: true, value: undefined });
    } else if (this.#calls.waiting > 0 && this.#frames.length < this.#options.maxUnansweredFrames) {
      this.#pull = undefined;
      pull({ done: false, value: this.#nextFrame() });
    }
  }

  #nextFrame(): ConnectRequest {
    let sequence = this.#calls.sent;
    const room = this.#options.maxFrameBytes - (this.#openSent ? 0 : openBytes(this.#open));
    const calls = this.#calls.send(this.#options.maxFrameInvocations, room);
    const now = performance.now();
    const frame: MessageInitShape<typeof ConnectRequestSchema> = {
      invocations: calls.map((call) => invocation(++sequence, call, now)),
    };
    this.#frames.push(sequence);
    if (!this.#openSent) {
      this.#openSent = true;
      frame.open = this.#open;
    }
    return create(ConnectRequestSchema, frame);
  }

  /** The transport takes no more frames. How the call ended, it will say where it is read. */
  #stopRequests(): Promise<IteratorResult<ConnectRequest, undefined>> {
    const pull = this.#pull;
    this.#pull = undefined;
    pull?.({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }

  // ---- frames down -----------------------------------------------------------------------------------

  #receive(frame: ConnectResponse): void {
    if (this.#isOver) {
      this.#abortCall(); // Nothing may follow the end; whatever this is, don't listen any longer.
      return;
    }
    try {
      if (!this.#opened) {
        this.#checkOpened(frame);
        this.#opened = true;
        clearTimeout(this.#openTimer);
      } else if (frame.opened !== undefined) {
        throw new HostViolation("'opened' came twice");
      }
      if (frame.outcomes.length > 0) {
        this.#complete(frame.outcomes);
      }
      if (frame.broken !== undefined) {
        this.#breakAsTold(frame.broken);
      }
    } catch (thrown) {
      if (!(thrown instanceof HostViolation)) {
        this.#breakHere(clientCause(Reasons.CLIENT_FAULT, Code.Internal, `can't read: ${String(thrown)}`));
        return;
      }
      const message = `the host broke the protocol: ${thrown.message}`;
      const cause = clientCause(Reasons.HOST_VIOLATION, Code.Internal, message);
      thrown.completed?.fail(new CallFailure(cause, Fate.COMPLETED, BigInt(this.#calls.answered)));
      this.#breakHere(cause);
    }
  }

  #checkOpened({ opened, outcomes, broken }: ConnectResponse): void {
    if (opened === undefined) {
      if (broken !== undefined && outcomes.length === 0) {
        return; // The stub could not be opened.
      }
      throw new HostViolation("the first frame has no 'opened'");
    }
    if (!isIdDigits(opened.id)) {
      throw new HostViolation(`opened object '${opened.id}', expected 64 lower-case hex digits`);
    }
    if (this.#expectedId !== undefined && opened.id !== this.#expectedId) {
      throw new HostViolation(`opened object '${opened.id}', expected '${this.#expectedId}'`);
    }
    const name = this.#open.object.case === "name" ? this.#open.object.value : undefined;
    if (opened.name !== undefined && opened.name !== name) {
      throw new HostViolation(
        `opened name '${opened.name}', expected ${name === undefined ? "none" : `'${name}'`}`,
      );
    }
  }

  #complete(outcomes: Outcome[]): void {
    for (const outcome of outcomes) {
      this.#completeNext(outcome);
    }
    while ((this.#frames[0] ?? Infinity) <= this.#calls.answered) {
      this.#frames.shift();
    }
    if (this.#calls.isEmpty) {
      this.#stopWatching();
    }
    this.#pumpSoon();
    this.#endSoonIfAnswered();
  }

  #completeNext(outcome: Outcome): void {
    const expected = this.#calls.answered + 1;
    if (outcome.sequence !== BigInt(expected)) {
      throw new HostViolation(`outcome ${outcome.sequence}, expected outcome ${expected}`);
    }
    if (expected > this.#calls.sent) {
      throw new HostViolation(`outcome ${outcome.sequence} of a call that was not sent`);
    }
    const call = this.#calls.answer();
    if (outcome.result.case !== "message") {
      throw new HostViolation(`outcome ${outcome.sequence} has no 'message'`, call);
    }
    try {
      call.succeed(outcome.result.value);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new HostViolation(`outcome ${outcome.sequence} is no ${call.method} response: ${why}`, call);
    }
  }

  #breakAsTold(broken: Broken): void {
    if (broken.cause === undefined || broken.cause.code === 0) {
      throw new HostViolation("broken with code OK");
    }
    if (broken.completedThrough !== BigInt(this.#calls.answered)) {
      throw new HostViolation(
        `broken with completed_through ${broken.completedThrough} after ${this.#calls.answered} outcomes`,
      );
    }
    this.#end(toldCause(broken), Fate.NOT_EXECUTED);
    this.#abortLater();
  }

  // ---- the end ---------------------------------------------------------------------------------------

  get #isOver(): boolean {
    return this.#state === "closed" || this.#state === "broken";
  }

  /** Closing, everything answered and said: the host has only to end the call. */
  #endSoonIfAnswered(): void {
    if (this.#state === "closing" && this.#calls.isEmpty) {
      this.#endTimer ??= setTimeout(() => {
        this.#breakHere(
          clientCause(
            Reasons.ANSWER_OVERDUE,
            Code.DeadlineExceeded,
            `the host has not ended the stub's call ${this.#options.endTimeoutMs} ms after its last frame`,
          ),
        );
      }, this.#options.endTimeoutMs);
    }
  }

  #closed(): void {
    if (this.#isOver) {
      return;
    }
    this.#state = "closed";
    this.#settle();
  }

  #breakHere(cause: FailureCause): void {
    this.#end(cause, Fate.UNKNOWN);
    this.#abortCall();
  }

  /** Fails every call that is left, and then tells the listeners. Does so once. */
  #end(cause: FailureCause, sentFate: Fate): void {
    if (this.#isOver) {
      return;
    }
    this.#state = "broken";
    this.#cause = cause;
    for (const [sequence, call] of this.#calls.clear()) {
      const fate = sequence <= this.#calls.sent ? sentFate : Fate.NOT_EXECUTED;
      call.fail(new CallFailure(cause, fate, BigInt(sequence)));
    }
    const listeners = this.#breakListeners;
    this.#settle();
    for (const listener of listeners) {
      tell(listener, cause);
    }
  }

  #settle(): void {
    this.#breakListeners = [];
    clearTimeout(this.#openTimer);
    this.#stopWatching();
    this.#pumpSoon(); // To half-close.
    this.#tellEnded();
  }

  /** A host that was read to its last frame may end the call by itself, but not take for ever. */
  #abortLater(): void {
    this.#endTimer = setTimeout(() => {
      this.#abortCall();
    }, this.#options.endTimeoutMs);
    this.#endTimer.unref();
  }

  #abortCall(): void {
    if (!this.#abort.signal.aborted) {
      this.#abort.abort(new ConnectError(this.#cause?.message ?? "the stub has ended", Code.Canceled));
    }
  }

  // ---- deadlines -------------------------------------------------------------------------------------

  /** Sees to it that someone looks when this deadline's grace has run out. */
  #watch(deadline: number): void {
    if (deadline >= this.#watchedDeadline || this.#isOver) {
      return;
    }
    clearTimeout(this.#deadlineTimer);
    this.#watchedDeadline = deadline;
    const wait = deadline + this.#options.deadlineGraceMs - performance.now();
    this.#deadlineTimer = setTimeout(
      () => {
        this.#checkDeadlines();
      },
      Math.min(Math.max(0, Math.ceil(wait)), MAX_TIMER_MS),
    );
  }

  #stopWatching(): void {
    clearTimeout(this.#deadlineTimer);
    this.#watchedDeadline = Infinity;
  }

  #checkDeadlines(): void {
    this.#stopWatching();
    const grace = this.#options.deadlineGraceMs;
    const now = performance.now();
    let soonest = Infinity;
    for (const [sequence, call] of this.#calls.unanswered()) {
      if (call.deadline + grace <= now) {
        this.#breakHere(
          clientCause(
            Reasons.ANSWER_OVERDUE,
            Code.DeadlineExceeded,
            `invocation ${sequence} has had no answer ${grace} ms after its timeout`,
            { failedSequence: BigInt(sequence) },
          ),
        );
        return;
      }
      soonest = Math.min(soonest, call.deadline);
    }
    this.#watch(soonest);
  }
}

/** What `open` adds to a frame, at most. */
function openBytes(open: Open): number {
  return toBinary(OpenSchema, open).length + 8;
}

function bufferFull(message: string): FailureCause {
  return clientCause(Reasons.BUFFER_FULL, Code.ResourceExhausted, message, { overloaded: true });
}

/** The invocation as it stands now: its timeout is the time that remains. */
function invocation(sequence: number, call: PendingCall, now: number): Invocation {
  const { method, metadata, argument, deadline } = call;
  const message = create(InvocationSchema, { sequence: BigInt(sequence), method, metadata });
  message.argument = { case: "message", value: argument };
  if (deadline !== Infinity) {
    message.timeout = duration(Math.max(0, deadline - now));
  }
  return message;
}

function duration(millis: number): Duration {
  const bounded = Math.min(millis, MAX_DURATION_MS);
  const seconds = Math.floor(bounded / 1000);
  return create(DurationSchema, {
    seconds: BigInt(seconds),
    nanos: Math.floor((bounded - seconds * 1000) * 1e6),
  });
}

function tell(listener: (cause: FailureCause) => void, cause: FailureCause): void {
  try {
    listener(cause);
  } catch (thrown) {
    warn("a listener for the break of a stub threw", thrown);
  }
}
