/** The limits and times of a client. All limits on calls hold for each stub by itself. */
export interface ClientOptions {
  /**
   * With fewer frames than this unanswered, a call leaves at once; otherwise it waits, and leaves with
   * others when an answer comes back. Default: 4.
   */
  readonly maxUnansweredFrames?: number;

  /** The most invocations in one frame. Default: 256. */
  readonly maxFrameInvocations?: number;

  /**
   * The most bytes in one frame, unless a single invocation is bigger: that one goes alone.
   * Default: 1 MiB. A host's own limit is 4 MiB by default.
   */
  readonly maxFrameBytes?: number;

  /**
   * The size of the largest invocation, with its argument, method name and metadata. A larger one fails
   * with `CALL_TOO_LARGE` and breaks nothing. Default: 4 MiB less 8 KiB, which just fits a host's default
   * limit on a frame.
   */
  readonly maxInvocationBytes?: number;

  /**
   * The most invocations that may wait to be sent. One more fails with `BUFFER_FULL` and breaks nothing.
   * Default: 65,536.
   */
  readonly maxBufferedInvocations?: number;

  /**
   * The most bytes that may wait to be sent. An invocation that would pass this fails with `BUFFER_FULL`
   * and breaks nothing. Default: 64 MiB.
   */
  readonly maxBufferedBytes?: number;

  /**
   * The host watches a call's timeout, and breaks the stub at the call when it passes. If no word of that has
   * come this long after it, the call ends without it, and the stub goes on. Default: 1,000 ms.
   */
  readonly deadlineGraceMs?: number;

  /**
   * How long the host may take to open a stub, from its first call, with the time that it takes to get a
   * connection and a stream of it. Then the stub breaks. Default: 10,000 ms.
   */
  readonly openTimeoutMs?: number;

  /**
   * How long the host may take to end a stub that has nothing left: it is closed and all its calls are
   * answered, or the host has told why it broke. Then the client ends it, and the stub is broken. Default:
   * 10,000 ms.
   */
  readonly endTimeoutMs?: number;

  /**
   * Over how many calls the client spreads its stubs, in turn, each of which carries many: for clients that have many
   * stubs, or one for each call. With 0, each stub has a call of its own, and so has each one of a host that knows no
   * shared calls. Default: 0.
   */
  readonly sharedCalls?: number;

  /**
   * How long a shared call may be without a stub before it is ended; with 0 it ends with its last stub. Default:
   * 10,000 ms.
   */
  readonly sharedCallIdleTimeoutMs?: number;

  /**
   * Whether later stubs are opened right at the host that has their object, where the host that they would go to has said
   * which one that is. It saves the hop over that host. An object's host is known when a stub was opened before on it, or
   * on another whose id begins with the same bits; for a stub that is got by name, the client must know the namespace's
   * unique key for the latter. A route is forgotten when a stub that was opened by it is lost, can't be opened, or ends
   * with `Unavailable`; the next one goes the usual way, and no call is repeated for that. Default: false.
   */
  readonly followRoutes?: boolean;

  /** How many routes are remembered, each for the objects whose ids begin with the same bits. Default: 1,024. */
  readonly maxRoutes?: number;

  /**
   * How long a resumable stub that has calls to make goes on trying, since its connection was lost, until a host takes it
   * again. Then it breaks, with what the loss was. It gives up before that, when its oldest call that was sent and isn't
   * answered was sent longer ago than half the time for which the host said that it remembers. Default: 60,000 ms.
   */
  readonly resumeTimeoutMs?: number;

  /**
   * A resumable stub tries at once when its connection is lost. If that fails it waits for this long before it tries again,
   * then for twice as long, and so on, up to {@link maxResumeBackoffMs}; where there was too much to do it begins with 1,000
   * ms, and not at once. A random half of each pause is left out. Default: 50 ms.
   */
  readonly resumeBackoffMs?: number;

  /** The longest that {@link resumeBackoffMs} grows to. Default: 5,000 ms. */
  readonly maxResumeBackoffMs?: number;

  /**
   * How often a resumable stub is resumed without a single answer in between. Then it breaks, with what happened last.
   * Attempts that find no host don't count. Default: 10.
   */
  readonly maxResumesWithoutProgress?: number;

  /** How long to wait for the description of a namespace. Default: 10,000 ms. */
  readonly describeTimeoutMs?: number;
}

/** What holds where {@link ClientOptions} don't say otherwise. */
export const defaultClientOptions: Required<ClientOptions> = Object.freeze({
  maxUnansweredFrames: 4,
  maxFrameInvocations: 256,
  maxFrameBytes: 1024 * 1024,
  maxInvocationBytes: 4 * 1024 * 1024 - 8 * 1024,
  maxBufferedInvocations: 65_536,
  maxBufferedBytes: 64 * 1024 * 1024,
  deadlineGraceMs: 1_000,
  openTimeoutMs: 10_000,
  endTimeoutMs: 10_000,
  sharedCalls: 0,
  sharedCallIdleTimeoutMs: 10_000,
  followRoutes: false,
  maxRoutes: 1_024,
  resumeTimeoutMs: 60_000,
  resumeBackoffMs: 50,
  maxResumeBackoffMs: 5_000,
  maxResumesWithoutProgress: 10,
  describeTimeoutMs: 10_000,
});

/** What a host lets one stub have queued, by its own default. */
const HOST_QUEUE_INVOCATIONS = 65_536;
const HOST_QUEUE_BYTES = 64 * 1024 * 1024;

/** The longest that a timer of the runtime can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Fills in the defaults. Throws a RangeError that names the option and what was expected. */
export function checkedClientOptions(given: ClientOptions): Required<ClientOptions> {
  const options = withDefaults(defaultClientOptions, given);
  checkWhole("maxUnansweredFrames", options.maxUnansweredFrames);
  checkWhole("maxFrameInvocations", options.maxFrameInvocations);
  checkWhole("maxFrameBytes", options.maxFrameBytes);
  checkWhole("maxInvocationBytes", options.maxInvocationBytes);
  checkWhole("maxBufferedInvocations", options.maxBufferedInvocations);
  checkWhole("maxBufferedBytes", options.maxBufferedBytes);
  checkMillis("deadlineGraceMs", options.deadlineGraceMs, 0);
  checkMillis("openTimeoutMs", options.openTimeoutMs, 1);
  checkMillis("endTimeoutMs", options.endTimeoutMs, 1);
  checkWhole("sharedCalls", options.sharedCalls, 0);
  checkMillis("sharedCallIdleTimeoutMs", options.sharedCallIdleTimeoutMs, 0);
  checkWhole("maxRoutes", options.maxRoutes);
  checkMillis("resumeTimeoutMs", options.resumeTimeoutMs, 1);
  checkMillis("resumeBackoffMs", options.resumeBackoffMs, 1);
  checkMillis("maxResumeBackoffMs", options.maxResumeBackoffMs, 1);
  checkWhole("maxResumesWithoutProgress", options.maxResumesWithoutProgress);
  checkMillis("describeTimeoutMs", options.describeTimeoutMs, 1);
  checkAtMost(
    "maxUnansweredFrames × maxFrameInvocations",
    options.maxUnansweredFrames * options.maxFrameInvocations,
    HOST_QUEUE_INVOCATIONS,
  );
  checkAtMost(
    "maxUnansweredFrames × the larger of maxFrameBytes and maxInvocationBytes",
    options.maxUnansweredFrames * Math.max(options.maxFrameBytes, options.maxInvocationBytes),
    HOST_QUEUE_BYTES,
  );
  if (options.maxBufferedBytes < options.maxInvocationBytes) {
    throw new RangeError(
      `maxBufferedBytes ${options.maxBufferedBytes}, ` +
        `expected at least maxInvocationBytes ${options.maxInvocationBytes}`,
    );
  }
  return options;
}

/** The defaults, and over them what was given; an option that is given as undefined isn't given. */
export function withDefaults<T extends object>(defaults: Required<T>, given: T): Required<T> {
  const options = { ...defaults };
  for (const name of Object.keys(defaults) as (keyof T)[]) {
    const value = given[name];
    if (value !== undefined) {
      options[name] = value;
    }
  }
  return options;
}

export function checkWhole(name: string, value: number, least = 1): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`${name} ${value}, expected a whole number of at least ${least}`);
  }
}

export function checkMillis(name: string, value: number, least: number): void {
  if (!(value >= least && value <= MAX_TIMER_MS)) {
    throw new RangeError(`${name} ${value}, expected ${least} to ${MAX_TIMER_MS}`);
  }
}

function checkAtMost(name: string, value: number, most: number): void {
  if (value > most) {
    throw new RangeError(`${name} is ${value}, expected at most ${most}`);
  }
}
