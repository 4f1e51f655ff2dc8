import type { CallFailure } from "./failure.js";
import type { CallMetadata } from "./metadata.js";

/** One call that was taken in, until it is answered or has failed. */
export interface PendingCall {
  readonly method: string;
  readonly argument: Uint8Array;
  readonly metadata: CallMetadata;

  /** When its time runs out, on the clock of `performance.now()`; Infinity if it has all the time. */
  readonly deadline: number;

  /** At least the size that the invocation has in a frame. */
  readonly bytes: number;

  /** Whether it has ended for its caller, since its time ran out. The ledger's. */
  overdue: boolean;

  /**
   * The host's outcome.
   *
   * @throws if it isn't a response of the method; the call is then not settled
   */
  succeed(result: Uint8Array): void;

  fail(failure: CallFailure): void;
}

/** How far apart the removed heads of the queue may be before it is moved down. */
const COMPACT_AT = 1024;

/**
 * The calls of one stub that are not answered, in their order: first those that were sent, then those that
 * wait. A call's number is its place.
 */
export class CallQueue {
  #calls: (PendingCall | undefined)[] = [];
  #head = 0;
  #answered = 0;
  #sent = 0;
  #waitingBytes = 0;

  /** The number of the last call that was answered. */
  get answered(): number {
    return this.#answered;
  }

  /** The number of the last call that was sent. */
  get sent(): number {
    return this.#sent;
  }

  /** The number of the last call that was taken in. */
  get last(): number {
    return this.#answered + this.length;
  }

  /** How many calls wait to be sent. */
  get waiting(): number {
    return this.last - this.#sent;
  }

  /** How many bytes wait to be sent. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** How many calls have not been answered. */
  get length(): number {
    return this.#calls.length - this.#head;
  }

  /** Whether every call has been answered. */
  get isEmpty(): boolean {
    return this.#calls.length === this.#head;
  }

  /** Takes a call in, and gives it the next number. */
  add(call: PendingCall): number {
    this.#calls.push(call);
    this.#waitingBytes += call.bytes;
    return this.last;
  }

  /**
   * The calls of the next frame, which count as sent from now on: at least one, if one waits. Undefined, if they have
   * more bytes than there is room for: then nothing is changed.
   */
  send(maxCalls: number, maxBytes: number, room = Infinity): PendingCall[] | undefined {
    const frame: PendingCall[] = [];
    let bytes = 0;
    for (let index = this.#index(this.#sent + 1); frame.length < maxCalls; index++) {
      const call = this.#calls[index];
      if (call === undefined || (frame.length > 0 && bytes + call.bytes > maxBytes)) {
        break;
      }
      frame.push(call);
      bytes += call.bytes;
    }
    if (bytes > room) {
      return undefined;
    }
    this.#sent += frame.length;
    this.#waitingBytes -= bytes;
    return frame;
  }

  /** Has every call wait again that is not answered. */
  takeBack(): void {
    this.#sent = this.#answered;
    this.#waitingBytes = 0;
    for (const [, call] of this.unanswered()) {
      this.#waitingBytes += call.bytes;
    }
  }

  /** Has the calls up to this number count as sent, and only those. It is none that was answered, and there is such a call. */
  goOnBehind(sequence: number): void {
    this.takeBack();
    for (const [number, call] of this.unanswered()) {
      if (number > sequence) {
        break;
      }
      this.#sent = number;
      this.#waitingBytes -= call.bytes;
    }
  }

  /** Takes out the call that is answered next. There must be one. */
  answer(): PendingCall {
    const call = this.#calls[this.#head];
    if (call === undefined) {
      throw new Error("no call is left to be answered");
    }
    this.#calls[this.#head] = undefined;
    this.#head++;
    this.#answered++;
    if (this.#head === this.#calls.length) {
      this.#calls = [];
      this.#head = 0;
    } else if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#calls.length) {
      this.#calls = this.#calls.slice(this.#head);
      this.#head = 0;
    }
    return call;
  }

  /** Each call that is not answered, with its number. */
  *unanswered(): Iterable<[number, PendingCall]> {
    for (let sequence = this.#answered + 1; sequence <= this.last; sequence++) {
      const call = this.#calls[this.#index(sequence)];
      if (call !== undefined) {
        yield [sequence, call];
      }
    }
  }

  /** Takes out every call that is not answered, with its number. */
  clear(): [number, PendingCall][] {
    const left = [...this.unanswered()];
    this.#calls = [];
    this.#head = 0;
    this.#waitingBytes = 0;
    return left;
  }

  #index(sequence: number): number {
    return this.#head + sequence - this.#answered - 1;
  }
}
