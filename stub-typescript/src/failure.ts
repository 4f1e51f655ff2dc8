import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, type ErrorInfo } from "./gen/google/rpc/error_details_pb.js";
import type { Status } from "./gen/google/rpc/status_pb.js";
import type { Broken } from "./gen/seriatim/v1/durable_objects_pb.js";

/** What a caller knows about the effect of a call that failed. */
export const Fate = Object.freeze({
  /** The call was executed and its effect is durable, but its result could not be used. */
  COMPLETED: "COMPLETED",

  /**
   * The call had no effect: it was never sent, or the host said that it never started, or it failed and
   * what it did was undone. It is safe to make it again.
   */
  NOT_EXECUTED: "NOT_EXECUTED",

  /**
   * The call was sent and then given up, or lost with the connection. It may or may not have been
   * executed, or may still be.
   */
  UNKNOWN: "UNKNOWN",
});

/** One of the values of {@link Fate}. */
export type Fate = (typeof Fate)[keyof typeof Fate];

/**
 * The reasons that {@link FailureCause.reason} gives. The first group comes from the host, and the contract
 * of `seriatim.v1` says when; a newer host may send others. The second group is found out by this client.
 */
export const Reasons = Object.freeze({
  /** The method threw, or failed its reply. */
  OBJECT_EXCEPTION: "OBJECT_EXCEPTION",
  /** The object could not be made. */
  OBJECT_START_FAILED: "OBJECT_START_FAILED",
  /** The namespace's service has no such method. */
  UNKNOWN_METHOD: "UNKNOWN_METHOD",
  /** The argument is not the method's request type. */
  MALFORMED_ARGUMENT: "MALFORMED_ARGUMENT",
  /** The call's timeout, or the host's limit on a turn, ran out. */
  INVOCATION_TIMED_OUT: "INVOCATION_TIMED_OUT",
  /** The object was aborted, a commit failed, or the turn was cut off. */
  OBJECT_RESET: "OBJECT_RESET",
  /** A limit of the host was passed. */
  OVERLOADED: "OVERLOADED",
  /** The object waits for this very call: it comes, through other objects, from itself. */
  CALL_CYCLE: "CALL_CYCLE",
  /** The host is shutting down. */
  HOST_DRAINING: "HOST_DRAINING",
  /** No host had the object in time, or none that serves its namespace. Nothing was delivered to it. */
  OWNER_UNAVAILABLE: "OWNER_UNAVAILABLE",
  /** The object went to another host, and the stub could not go along. */
  OBJECT_MOVED: "OBJECT_MOVED",
  /** The host serves no such namespace. */
  UNKNOWN_NAMESPACE: "UNKNOWN_NAMESPACE",
  /** The id or the name can't be one of this namespace. */
  INVALID_ID: "INVALID_ID",
  /** An invocation had the wrong number. */
  SEQUENCE_VIOLATION: "SEQUENCE_VIOLATION",
  /** The frames that were sent break the rules of the contract. */
  PROTOCOL_VIOLATION: "PROTOCOL_VIOLATION",
  /** The host may have forgotten what the resumable stub's calls did: it was gone for too long. */
  SESSION_EXPIRED: "SESSION_EXPIRED",
  /** Somebody else goes on with the resumable stub's session. */
  SESSION_SUPERSEDED: "SESSION_SUPERSEDED",
  /** The idempotency key belongs to another call. */
  IDEMPOTENCY_MISMATCH: "IDEMPOTENCY_MISMATCH",
  /** The host doesn't know the caller: the call had no credentials, or some that don't count. */
  UNAUTHENTICATED: "UNAUTHENTICATED",
  /** The caller may not open the object, or may not call the method. */
  PERMISSION_DENIED: "PERMISSION_DENIED",
  /** The credentials ran out, or the caller's rights changed; or the host can't verify them for now. */
  CREDENTIALS_EXPIRED: "CREDENTIALS_EXPIRED",

  /**
   * The stub's connection ended without a word from the host about why, and the stub isn't resumable, or couldn't be resumed.
   * The stub is broken.
   */
  CONNECTION_LOST: "CONNECTION_LOST",
  /** The host's frames break the rules of the contract. The stub is broken. */
  HOST_VIOLATION: "HOST_VIOLATION",
  /**
   * No answer came to a call by the time that its timeout passed, or not even {@link ClientOptions.deadlineGraceMs}
   * after that; the stub is not broken by it. Or the host didn't end a stub that had nothing left within
   * {@link ClientOptions.endTimeoutMs}: the stub is broken.
   */
  ANSWER_OVERDUE: "ANSWER_OVERDUE",
  /**
   * The stub was not opened within {@link ClientOptions.openTimeoutMs}: there was no connection, or it carries as many
   * stubs as it may, or the host said nothing. The stub is broken.
   */
  OPEN_OVERDUE: "OPEN_OVERDUE",
  /** {@link DurableObjectStub.cancel} was called. The stub is broken. */
  STUB_CANCELLED: "STUB_CANCELLED",
  /** This client failed in a way that it should not. The stub is broken. */
  CLIENT_FAULT: "CLIENT_FAULT",
  /** The call was made after {@link DurableObjectStub.close}. */
  STUB_CLOSED: "STUB_CLOSED",
  /** The caller gave the call up by its `AbortSignal`. The stub is not broken. */
  CALL_CANCELLED: "CALL_CANCELLED",
  /** The call can't be made on a stub at all; its message says why. The stub is not broken. */
  CALL_REFUSED: "CALL_REFUSED",
  /** The call is over {@link ClientOptions.maxInvocationBytes}. The stub is not broken. */
  CALL_TOO_LARGE: "CALL_TOO_LARGE",
  /**
   * The stub's buffer has no room for the call: see {@link ClientOptions.maxBufferedInvocations} and
   * {@link ClientOptions.maxBufferedBytes}. The stub is not broken.
   */
  BUFFER_FULL: "BUFFER_FULL",
});

const DOMAIN = "seriatim.dev";

const CODES: readonly Code[] = Object.values(Code).filter((code) => typeof code === "number");

/** The details of a failure, as connect has them: messages by their type. */
type Details = ConnectError["details"];

/**
 * Why a stub broke, or why a single call failed without breaking it. Immutable.
 *
 * Go by `retryable` and `overloaded` rather than by `reason`: a newer host may give reasons that this
 * client doesn't know.
 */
export interface FailureCause {
  /** One of {@link Reasons}, another one that a newer host gave, or "" if the host gave none. */
  readonly reason: string;

  /** The status code. */
  readonly code: Code;

  /** What happened, in words. */
  readonly message: string;

  /** Whether a new stub may well succeed with the same calls, a little later. */
  readonly retryable: boolean;

  /** Whether there was too much to do: never try again at once, and send less. */
  readonly overloaded: boolean;

  /** Whether the object's own code failed, rather than Seriatim or the way there. */
  readonly remote: boolean;

  /** The number of the invocation that is to blame, or 0 if no one invocation is. */
  readonly failedSequence: bigint;

  /**
   * What the host added to its reason: for `OBJECT_EXCEPTION`, the object's own `ErrorInfo` is under
   * `object.reason`, `object.domain` and `object.metadata.KEY`. Often empty.
   */
  readonly metadata: Readonly<Record<string, string>>;

  /** The details of the status, as the host gave them; `CallFailure.findDetails` reads them. */
  readonly details: Details;
}

/** A cause that this client found by itself. */
export function clientCause(
  reason: string,
  code: Code,
  message: string,
  more: { retryable?: boolean; overloaded?: boolean; failedSequence?: bigint; details?: Details } = {},
): FailureCause {
  return Object.freeze({
    reason,
    code,
    message,
    retryable: more.retryable ?? false,
    overloaded: more.overloaded ?? false,
    remote: false,
    failedSequence: more.failedSequence ?? 0n,
    metadata: {},
    details: more.details ?? [],
  });
}

/** The cause that a host told in its last frame. */
export function toldCause(broken: Broken): FailureCause {
  const details = detailsOf(broken.cause);
  const info = errorInfo(details);
  return Object.freeze({
    reason: info?.reason ?? "",
    code: knownCode(broken.cause?.code),
    message: broken.cause?.message ?? "",
    retryable: broken.retryable,
    overloaded: broken.overloaded,
    remote: broken.remote,
    failedSequence: broken.failedSequence,
    metadata: { ...info?.metadata },
    details,
  });
}

function detailsOf(status: Status | undefined): { type: string; value: Uint8Array }[] {
  return (status?.details ?? []).map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
}

/** The end of a lane, as connect has that of a call; undefined if it is OK. */
export function statusError(end: Status): ConnectError | undefined {
  if (end.code === 0) {
    return undefined;
  }
  const code = CODES.find((known: number) => known === end.code);
  const message = code === undefined ? `invalid grpc-status: ${end.code}` : end.message;
  const metadata = new Headers({ "grpc-status": String(end.code) });
  const error = new ConnectError(message, code ?? Code.Internal, metadata);
  error.details = detailsOf(end);
  return error;
}

/** The stub's call ended, and without the host's last frame: with OK if there is no error. */
export function lostCause(error: ConnectError | undefined): FailureCause {
  if (error === undefined) {
    const message = "the host ended the stub's call";
    return clientCause(Reasons.CONNECTION_LOST, Code.Unavailable, message, { retryable: true });
  }
  const code = isOfConnection(error) ? Code.Unavailable : error.code;
  const message = rootMessage(error);
  return clientCause(Reasons.CONNECTION_LOST, code, message, {
    retryable: [Code.Unavailable, Code.Canceled, Code.Aborted, Code.Internal, Code.Unknown].includes(code),
    overloaded: code === Code.ResourceExhausted,
    details: error.details,
  });
}

/** How connect begins to say that a stream was reset, or ended without a status. It has no other sign of that. */
const STREAM_LOST = ["http/2 stream closed with error code", "protocol error: missing status"];

/**
 * Whether the connection or the stream was lost, rather than ended by the host with a status. Connect has a code for each
 * way to die.
 */
function isOfConnection(error: ConnectError): boolean {
  return (
    error.cause instanceof Error ||
    (error.code === Code.Canceled && !error.metadata.has("grpc-status")) ||
    STREAM_LOST.some((beginning) => error.rawMessage.startsWith(beginning))
  );
}

/** What is known of an error, down to its root. */
function rootMessage(error: Error): string {
  const messages = new Set<string>();
  const seen = new Set<unknown>();
  const collect = (link: unknown): void => {
    if (!(link instanceof Error) || seen.has(link)) {
      return;
    }
    seen.add(link);
    const message = (link instanceof ConnectError ? link.rawMessage : link.message).trim();
    if (message !== "" && ![...messages].some((said) => said.includes(message))) {
      messages.add(message);
    }
    if (link instanceof AggregateError) {
      link.errors.forEach(collect); // One for each address of a host, with no message of its own.
    }
    collect(link.cause);
  };
  collect(error);
  const message = [...messages].join(": ");
  const [beginning] = EXPLAINED.filter(([, said]) => said.test(message)).map(([meaning]) => `${meaning}: `);
  return `${beginning ?? ""}${message}`;
}

/**
 * What TLS says when the host refuses the client's certificate, or wants one. With TLS 1.3 the client may have sent by then,
 * but nothing of it is read.
 */
export const CERTIFICATE_REFUSED = /\balert ((bad |unsupported )?certificate|unknown ca)\b/;

/** What TLS and HTTP/2 say in words of their own. */
const EXPLAINED: [meaning: string, said: RegExp][] = [
  ["the host doesn't speak TLS", /wrong version number/],
  ["the host wants another certificate of the client, or one at all", CERTIFICATE_REFUSED],
  ["the host's certificate isn't trusted", /self-signed certificate|unable to (verify|get) .*certificate/],
  ["the stub's call was cut off", new RegExp(STREAM_LOST.map((beginning) => `^${beginning}`).join("|"))],
];

function errorInfo(details: { type: string; value: Uint8Array }[]): ErrorInfo | undefined {
  for (const detail of details) {
    if (detail.type === ErrorInfoSchema.typeName) {
      try {
        const info = fromBinary(ErrorInfoSchema, detail.value);
        if (info.domain === DOMAIN) {
          return info;
        }
      } catch {
        // A detail that doesn't parse tells nothing.
      }
    }
  }
  return undefined;
}

function textOf(cause: FailureCause, fate: Fate, sequence: bigint): string {
  const { message, reason, failedSequence } = cause;
  const behind = failedSequence > 0n && failedSequence < sequence ? ` behind ${failedSequence}` : "";
  const call = sequence === 0n ? "" : `call ${sequence}${behind}, `;
  return `${wordOr(message, "no message")} [${wordOr(reason, "no reason")}, ${call}${fate}]`;
}

function wordOr(word: string, otherwise: string): string {
  return word === "" ? otherwise : word;
}

function knownCode(code: number | undefined): Code {
  return CODES.find((known) => known === code) ?? Code.Unknown;
}

/**
 * What a call on a stub fails with: a `ConnectError` that also says why the call failed, and whether it
 * had an effect.
 *
 * ```ts
 * try {
 *   await counter.increment({ amount: 1n });
 * } catch (error) {
 *   const failure = CallFailure.of(error);
 *   if (failure?.fate === Fate.NOT_EXECUTED && failure.retryable) { … }
 * }
 * ```
 *
 * Its text says what a person needs to know: the message of the cause, the reason, the number of the call, and its fate.
 *
 *     amount 0, expected any other number [OBJECT_EXCEPTION, call 3, NOT_EXECUTED]
 *     amount 0, expected any other number [OBJECT_EXCEPTION, call 4 behind 3, NOT_EXECUTED]
 *     the stub is closed [STUB_CLOSED, NOT_EXECUTED]
 *
 * `findDetails` gives the details that the object's code put into its status.
 */
export class CallFailure extends ConnectError {
  /** Whether this call had an effect. */
  readonly fate: Fate;

  /** The number of this call in its stub, or 0 if it failed before it got one. */
  readonly sequence: bigint;

  /** Why the call failed; the same for all the calls that failed with one stub. */
  readonly failureCause: FailureCause;

  /** @internal */
  constructor(failureCause: FailureCause, fate: Fate, sequence: bigint, thrown?: unknown) {
    super(textOf(failureCause, fate, sequence), failureCause.code, undefined, undefined, thrown);
    this.details = [...failureCause.details];
    this.failureCause = failureCause;
    this.fate = fate;
    this.sequence = sequence;
  }

  /**
   * The failure behind an error, looked for along its causes. Undefined if the call failed outside of the
   * stub, in an interceptor say.
   */
  static of(error: unknown): CallFailure | undefined {
    const seen = new Set<unknown>();
    for (let link = error; link instanceof Error && !seen.has(link); link = link.cause) {
      if (link instanceof CallFailure) {
        return link;
      }
      seen.add(link);
    }
    return undefined;
  }

  /** Connect decides by name what one of its errors is; a `CallFailure` has to be one for real. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Object.prototype.isPrototypeOf.call(CallFailure.prototype, value as object);
  }

  /** See {@link FailureCause.reason}. */
  get reason(): string {
    return this.failureCause.reason;
  }

  /** See {@link FailureCause.retryable}. */
  get retryable(): boolean {
    return this.failureCause.retryable;
  }

  /** See {@link FailureCause.overloaded}. */
  get overloaded(): boolean {
    return this.failureCause.overloaded;
  }

  /** See {@link FailureCause.remote}. */
  get remote(): boolean {
    return this.failureCause.remote;
  }

  /** See {@link FailureCause.failedSequence}. */
  get failedSequence(): bigint {
    return this.failureCause.failedSequence;
  }
}
