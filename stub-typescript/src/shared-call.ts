import { fromBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Wire } from "./client.js";
import { Reasons, statusError, toldCause } from "./failure.js";
import {
  ConnectResponseSchema,
  type ConnectManyRequest,
  type ConnectManyRequestSchema,
  type ConnectResponse,
} from "./gen/seriatim/v1/durable_objects_pb.js";
import { connectMany, type LaneResponse, type LaneResponses } from "./lane-messages.js";
import { LaneLedger, LedgerLane } from "./lane-ledger.js";
import type { Carried, Link } from "./link.js";
import { ownCall } from "./own-call.js";
import { StreamCall, type Traffic } from "./stream-call.js";

/** Why no more stubs are opened on a call whose host ends, or doesn't take the credentials any more that it came with. */
const ELSEWHERE: readonly string[] = [
  Reasons.HOST_DRAINING,
  Reasons.UNAUTHENTICATED,
  Reasons.CREDENTIALS_EXPIRED,
];

/** The times and the limit of a shared call. */
export interface SharedCallOptions {
  /** How long it may be without a lane. */
  readonly idleTimeoutMs: number;

  /** How long the host may take to end it when it has been half-closed. */
  readonly endTimeoutMs: number;

  /** The largest frame that is taken. */
  readonly maxFrameBytes: number;
}

/** Carries one session on a shared call; or, if the host turns out to know nothing of those, on a call of its own. */
class Lane extends LedgerLane implements Link {
  readonly #call: SharedCall;
  readonly carried: Carried;
  /** Whether the host has said what it opened. */
  isOpened = false;
  #own: Link | undefined;

  constructor(call: SharedCall, carried: Carried) {
    super();
    this.#call = call;
    this.carried = carried;
  }

  next(room: number): ReturnType<Carried["next"]> {
    return this.carried.next(room);
  }

  kick(): void {
    if (this.#own === undefined) {
      this.#call.kick(this);
    } else {
      this.#own.kick();
    }
  }

  hangUp(reason: ConnectError): void {
    if (this.#own === undefined) {
      this.#call.cancel(this, reason);
    } else {
      this.#own.hangUp(reason);
    }
  }

  /** Goes on by a call of its own, from the beginning. */
  fallBack(wire: Wire): void {
    this.carried.takeBack();
    this.#own = ownCall(wire, this.carried);
  }
}

/**
 * A gRPC call that carries many sessions, each on a lane. Which parts go into which message, and when, the ledger
 * says; this drives the call, and has the timers.
 */
export class SharedCall implements Traffic<ConnectManyRequest, LaneResponses> {
  readonly #options: SharedCallOptions;
  readonly #ownWire: Wire;
  readonly #over: (isUnserved: boolean) => void;
  readonly #ledger = new LaneLedger<Lane>();
  readonly #call: StreamCall<typeof ConnectManyRequestSchema, GenMessage<LaneResponses>>;
  #patience: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #idleSince = 0;
  #ending: NodeJS.Timeout | undefined;

  /**
   * Begins the call at once.
   *
   * @param ownWire the way for calls of single sessions, if the host knows no others
   * @param over told when the call is over, and whether that is since the host knows no such calls
   */
  constructor(wire: Wire, ownWire: Wire, options: SharedCallOptions, over: (isUnserved: boolean) => void) {
    this.#options = options;
    this.#ownWire = ownWire;
    this.#over = over;
    this.#call = new StreamCall(wire, connectMany, this);
  }

  /** Whether it takes no more sessions. */
  get isRetired(): boolean {
    return this.#ledger.isRetired;
  }

  /** Takes no more sessions, and ends when those that are on it have ended. */
  retire(): void {
    this.#ledger.retire();
    this.#laneLeft();
  }

  carry(session: Carried): Link {
    const lane = new Lane(this, session);
    this.#ledger.add(lane);
    return lane;
  }

  // ---- what lanes do ---------------------------------------------------------------------------------

  kick(lane: Lane): void {
    this.#ledger.ready(lane);
    this.#call.kick();
  }

  cancel(lane: Lane, reason: ConnectError): void {
    if (this.#ledger.cancel(lane)) {
      this.#laneLeft();
      this.#call.kick();
      queueMicrotask(() => {
        lane.carried.connectionEnded(reason);
      });
    }
  }

  // ---- what the call asks and tells ------------------------------------------------------------------

  next(): ConnectManyRequest | "wait" | "halfClose" {
    const now = performance.now();
    const step = this.#ledger.next(now);
    if (step.do === "send") {
      return step.message;
    }
    if (step.do === "wait" && step.until !== Infinity) {
      this.#patience ??= setTimeout(() => {
        this.#patience = undefined;
        this.#call.kick();
      }, step.until - now).unref();
    }
    return step.do;
  }

  accepted(): void {
    this.#ledger.accepted();
    this.#call.kick();
  }

  receive(message: LaneResponses): void {
    this.#ledger.heard();
    for (const part of message.lanes) {
      const lane = this.#ledger.find(part.lane);
      if (lane === "neverOpened") {
        this.#violated(`a part came for lane ${part.lane}, which was never opened`);
        return;
      }
      if (lane !== "ended") {
        this.#receivePart(lane, part);
      }
    }
    this.#call.kick();
  }

  #receivePart(lane: Lane, { frame, end }: LaneResponse): void {
    if (frame !== undefined) {
      this.#receiveFrame(lane, frame);
    }
    if (end !== undefined && !lane.isOver) {
      this.#ledger.ended(lane);
      lane.carried.connectionEnded(statusError(end));
      this.#laneLeft();
    }
  }

  #receiveFrame(lane: Lane, bytes: Uint8Array): void {
    if (bytes.length > this.#options.maxFrameBytes) {
      this.#lose(lane, tooLarge(bytes.length, this.#options.maxFrameBytes));
      return;
    }
    let frame: ConnectResponse;
    try {
      frame = fromBinary(ConnectResponseSchema, bytes);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      lane.carried.violated(`a frame is no ConnectResponse: ${why}`);
      return;
    }
    lane.isOpened ||= frame.opened !== undefined;
    if (frame.broken !== undefined) {
      this.#heed(toldCause(frame.broken).reason, lane);
    }
    lane.carried.receive(frame);
    if (frame.outcomes.length > 0) {
      this.#ledger.taken(lane, bytes.length);
    }
  }

  /** What breaks a lane may say that others had better be opened elsewhere. */
  #heed(reason: string, lane: Lane): void {
    if (ELSEWHERE.includes(reason) || (reason === Reasons.OVERLOADED && !lane.isOpened)) {
      this.#ledger.retire();
    }
  }

  /** Gives a lane up, of which the host is told. */
  #lose(lane: Lane, error: ConnectError): void {
    this.#ledger.cancel(lane);
    lane.carried.connectionEnded(error);
    this.#laneLeft();
  }

  /** The host has broken the rules, and nobody knows what it means by the next part. */
  #violated(what: string): void {
    const reason = new ConnectError(`the host broke the protocol: ${what}`, Code.Canceled);
    const lanes = this.#ledger.over();
    this.#call.hangUp(reason);
    for (const { carried } of lanes) {
      carried.violated(what);
      carried.connectionEnded(reason);
    }
  }

  ended(error: ConnectError | undefined): void {
    clearTimeout(this.#patience);
    clearTimeout(this.#idle);
    clearTimeout(this.#ending);
    const isUnserved = error?.code === Code.Unimplemented && !this.#ledger.isHeard;
    const lanes = this.#ledger.over();
    this.#over(isUnserved); // So that whoever is told may open others.
    for (const lane of lanes) {
      if (isUnserved) {
        lane.fallBack(this.#ownWire);
      } else {
        lane.carried.connectionEnded(error);
      }
    }
  }

  // ---- without lanes ---------------------------------------------------------------------------------

  #laneLeft(): void {
    if (this.#ledger.lanes > 0) {
      return;
    }
    if (this.#ledger.isRetired || this.#options.idleTimeoutMs === 0) {
      this.#halfClose();
    } else {
      this.#idleSince = performance.now();
      this.#idle ??= setTimeout(this.#onIdle, this.#options.idleTimeoutMs).unref();
    }
  }

  /** The timer isn't set anew for each lane that comes and goes. */
  readonly #onIdle = (): void => {
    this.#idle = undefined;
    if (this.#ledger.lanes > 0) {
      return;
    }
    const left = this.#idleSince + this.#options.idleTimeoutMs - performance.now();
    if (left > 0) {
      this.#idle = setTimeout(this.#onIdle, Math.ceil(left)).unref();
    } else {
      this.#halfClose();
    }
  };

  #halfClose(): void {
    this.#ledger.retire();
    this.#call.kick();
    const { endTimeoutMs } = this.#options;
    this.#ending ??= setTimeout(() => {
      this.#call.hangUp(
        new ConnectError(`the host has not ended the call within ${endTimeoutMs} ms`, Code.Canceled),
      );
    }, endTimeoutMs).unref();
  }
}

function tooLarge(bytes: number, limit: number): ConnectError {
  return new ConnectError(`frame of ${bytes} bytes, expected at most ${limit}`, Code.ResourceExhausted);
}
