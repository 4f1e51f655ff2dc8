import type { FailureCause } from "./failure.js";
import type { ClientOptions } from "./options.js";

/** What the first pause is at least where there was too much to do. */
const OVERLOADED_BACKOFF_MS = 1_000;

/**
 * When a stub that has lost its connection tries again, and when it gives up.
 *
 * It has no clock and no timer: its owner tells it what happens and what time it is, and does what it says.
 */
export class Resumption {
  readonly #options: Required<ClientOptions>;
  readonly #random: () => number;
  /** How many connections were lost since a call was last answered. */
  #losses = 0;
  /** How many of them were more than an attempt: the host has said something. The first connection doesn't count. */
  #resumes = 0;
  #answered = 0;
  /** What ended the connection that the stub had, and since when it lacks one; undefined while it doesn't. */
  #loss: FailureCause | undefined;
  #since: number | undefined;

  /** @param random numbers from 0 to 1 */
  constructor(options: Required<ClientOptions>, random: () => number = Math.random) {
    this.#options = options;
    this.#random = random;
  }

  /**
   * A connection is lost, or could not be opened.
   *
   * @param answered how many calls have been answered by now
   * @returns how long to wait before the next one is opened; undefined, if there is to be none
   */
  lost(loss: FailureCause, answered: number): number | undefined {
    if (answered > this.#answered) {
      this.#answered = answered;
      this.#losses = 0;
      this.#resumes = 0;
    }
    if (this.#resumes >= this.#options.maxResumesWithoutProgress) {
      return undefined;
    }
    this.#loss ??= loss;
    const pause = this.#pause(loss.overloaded);
    this.#losses++;
    return pause;
  }

  #pause(isOverloaded: boolean): number {
    const { resumeBackoffMs, maxResumeBackoffMs } = this.#options;
    const doublings = isOverloaded ? this.#losses : this.#losses - 1;
    if (doublings < 0) {
      return 0;
    }
    const first = isOverloaded ? Math.max(resumeBackoffMs, OVERLOADED_BACKOFF_MS) : resumeBackoffMs;
    const longest = Math.min(first * 2 ** doublings, Math.max(first, maxResumeBackoffMs));
    return longest * (1 - this.#random() / 2);
  }

  /** The host has said something on a connection behind the first. */
  resumed(): void {
    this.#resumes++;
  }

  /** There is a connection. */
  opened(): void {
    this.#loss = undefined;
    this.#since = undefined;
  }

  /**
   * The stub needs a connection and lacks one.
   *
   * @returns when it gives up
   */
  needed(now: number, resumableUntil: number): number {
    this.#since ??= now;
    return Math.min(this.#since + this.#options.resumeTimeoutMs, resumableUntil);
  }

  /** Why a stub breaks that has tried for too long, of which this came last. */
  tooLate(last: FailureCause, now: number): FailureCause {
    const loss = this.#loss ?? last;
    const waited = Math.round(now - (this.#since ?? now));
    const since = loss.message === last.message ? "" : `: ${last.message}`;
    return Object.freeze({
      ...loss,
      message: `${loss.message}; the stub was not resumed within ${waited} ms${since}`,
    });
  }
}
