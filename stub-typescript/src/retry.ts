import { setTimeout as wait } from "node:timers/promises";
import { CallFailure, Fate } from "./failure.js";
import { checkMillis, checkWhole, withDefaults } from "./options.js";
import type { DurableObjectStub } from "./stub.js";

/** How often a {@link Retry} tries, and how long it waits. */
export interface RetryOptions {
  /**
   * How long after its first failure a call is still made again, which by default outlasts the restart of a host.
   * Default: 60,000 ms.
   */
  readonly giveUpAfterMs?: number;

  /** How often a call is made at most, the first time included. Default: no limit but {@link giveUpAfterMs}. */
  readonly maxAttempts?: number;

  /**
   * The longest pause before the second attempt; it doubles with each attempt, up to {@link maxBackoffMs}. The pause
   * is a random part of it, so that clients that failed together don't come back together. At least 1. Default: 50 ms.
   */
  readonly initialBackoffMs?: number;

  /** The longest that {@link initialBackoffMs} grows to. At least 1. Default: 1,000 ms. */
  readonly maxBackoffMs?: number;

  /** How much longer the pause is after a failure that is `overloaded`. At least 1. Default: 1,000 ms. */
  readonly overloadedBackoffMs?: number;

  /** The source of the jitter: numbers from 0 to 1. Default: `Math.random`. */
  readonly random?: () => number;
}

/** What holds where {@link RetryOptions} don't say otherwise. */
export const defaultRetryOptions: Required<RetryOptions> = Object.freeze({
  giveUpAfterMs: 60_000,
  maxAttempts: Number.MAX_SAFE_INTEGER,
  initialBackoffMs: 50,
  maxBackoffMs: 1_000,
  overloadedBackoffMs: 1_000,
  random: Math.random,
});

/** Makes one call on the stub that it is given. Run once for each attempt. */
export type RetryCall<R> = (stub: DurableObjectStub) => Promise<R>;

/**
 * Calls one object through a stub that is got anew when it breaks, and makes a call again where that is
 * safe.
 *
 * ```ts
 * const retry = new Retry(() => namespace.getByName("foo"));
 * const value = await retry.call((stub) => createClient(Counter, stub.transport()).increment({ amount: 1n }));
 * ```
 *
 * A call is made again only if its {@link FailureCause} is retryable or overloaded, and only if it had no
 * effect: `NOT_EXECUTED`. One whose fate is `UNKNOWN` is made again only through
 * {@link Retry.callIdempotent}. The pause before an attempt grows, and is longer where there was too much to do. When
 * {@link RetryOptions.giveUpAfterMs} has passed since the first failure, or would before the next attempt, the call fails
 * as its last attempt did. Stubs of a namespace that is {@link DurableObjectNamespace.resumable} do the most of this by
 * themselves, and in order.
 *
 * **Order.** A call that is made again is made later, so calls that were made after it may be executed
 * before it. Where order counts, either wait for each call before making the next, or use a stub by itself:
 * when it breaks, make the calls that were `NOT_EXECUTED` again, in their order, on a new stub. Without
 * failures the order is that of the calls.
 */
export class Retry implements AsyncDisposable, Disposable {
  readonly #stubs: () => DurableObjectStub;
  readonly #options: Required<RetryOptions>;
  readonly #closing = new AbortController();
  #current: DurableObjectStub | undefined;

  /**
   * @param stubs gives a new stub on the object each time
   * @throws RangeError if an option isn't what is expected
   */
  constructor(stubs: () => DurableObjectStub, options: RetryOptions = {}) {
    this.#stubs = stubs;
    this.#options = withDefaults(defaultRetryOptions, options);
    checkMillis("giveUpAfterMs", this.#options.giveUpAfterMs, 1);
    checkWhole("maxAttempts", this.#options.maxAttempts);
    checkMillis("initialBackoffMs", this.#options.initialBackoffMs, 1);
    checkMillis("overloadedBackoffMs", this.#options.overloadedBackoffMs, 1);
    checkMillis("maxBackoffMs", this.#options.maxBackoffMs, 1);
  }

  /**
   * Makes a call, and makes it again if it had no effect and trying again may help.
   *
   * @param options a signal that ends the waiting between attempts: the call then fails as its last attempt
   *     did. It isn't given to the call itself.
   */
  call<R>(call: RetryCall<R>, options: { readonly signal?: AbortSignal } = {}): Promise<R> {
    return this.#attempts(call, false, options.signal);
  }

  /**
   * Makes a call that may well be executed twice, and makes it again also if it is unknown whether it was
   * executed.
   */
  callIdempotent<R>(call: RetryCall<R>, options: { readonly signal?: AbortSignal } = {}): Promise<R> {
    return this.#attempts(call, true, options.signal);
  }

  /**
   * Closes the stub: calls made so far are finished, later ones fail, none is made again.
   *
   * @returns a promise that resolves when the stub has ended. It never rejects.
   */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#current?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.dispose](): void {
    void this.close();
  }

  /** The first attempt is made before this returns, so that calls keep their order. */
  async #attempts<R>(call: RetryCall<R>, idempotent: boolean, signal: AbortSignal | undefined): Promise<R> {
    const stop =
      signal === undefined ? this.#closing.signal : AbortSignal.any([this.#closing.signal, signal]);
    let firstFailure: number | undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        return await call(this.#stub());
      } catch (thrown) {
        const failure = CallFailure.of(thrown);
        if (failure === undefined || !mayTryAgain(failure, idempotent)) {
          throw thrown;
        }
        const now = performance.now();
        firstFailure ??= now;
        const pause = pauseMs(this.#options, failure.overloaded, attempt, now - firstFailure);
        if (pause === undefined) {
          throw thrown;
        }
        await wait(pause, undefined, { signal: stop }).catch(() => undefined);
        if (stop.aborted) {
          throw thrown;
        }
      }
    }
  }

  /** The stub in use; a new one if there is none, or if it is broken. */
  #stub(): DurableObjectStub {
    if (this.#current === undefined || (this.#current.isBroken && !this.#closing.signal.aborted)) {
      this.#current = this.#stubs();
      if (this.#closing.signal.aborted) {
        void this.#current.close();
      }
    }
    return this.#current;
  }
}

/** How long to wait before the next attempt; undefined to give up. */
export function pauseMs(
  options: Required<RetryOptions>,
  overloaded: boolean,
  failedAttempts: number,
  sinceFirstFailureMs: number,
): number | undefined {
  const longest = Math.min(options.initialBackoffMs * 2 ** (failedAttempts - 1), options.maxBackoffMs);
  const pause = Math.max(1, longest * options.random()) + (overloaded ? options.overloadedBackoffMs : 0);
  const isLate = sinceFirstFailureMs + pause > options.giveUpAfterMs;
  return failedAttempts >= options.maxAttempts || isLate ? undefined : pause;
}

function mayTryAgain(failure: CallFailure, idempotent: boolean): boolean {
  const mayHelp = failure.retryable || failure.overloaded;
  const isSafe = failure.fate === Fate.NOT_EXECUTED || (failure.fate === Fate.UNKNOWN && idempotent);
  return mayHelp && isSafe;
}
