import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { ServerHttp2Stream } from "node:http2";
import { StatusSchema, type Status } from "../src/gen/google/rpc/status_pb.js";
import {
  ConnectManyResponseSchema,
  ConnectResponseSchema,
  LaneResponseSchema,
  type ConnectManyRequest,
  type ConnectManyResponse,
  type ConnectRequest,
  type LaneRequest,
  type LaneResponse,
} from "../src/gen/seriatim/v1/durable_objects_pb.js";
import type { Frame } from "./fake-host.js";

/** What the contract lets a lane send before its client gives it more. */
const FIRST_CREDIT = 256 * 1024;

/** Begins to play the stub of one lane. */
export type LanePlayer = (
  requests: AsyncIterable<ConnectRequest>,
  stream: ServerHttp2Stream | undefined,
) => AsyncGenerator<Frame, void>;

/** A call of many stubs, as the host has it. */
export class ManySide {
  /** Every message that was read, in order. */
  readonly messages: ConnectManyRequest[] = [];
  /** How many lanes were opened. */
  opened = 0;
  /** Those that haven't ended. */
  readonly lanes = new Map<bigint, LaneSide>();
  readonly #out: LaneResponse[] = [];
  isHalfClosed = false;
  isOver = false;
  /** Whether it isn't ended when it ought to be. */
  staysOpen = false;
  #wake = (): void => undefined;

  /** Plays the call to its end. */
  async *play(
    requests: AsyncIterable<ConnectManyRequest>,
    stream: ServerHttp2Stream | undefined,
    player: LanePlayer,
    signal: AbortSignal,
  ): AsyncGenerator<ConnectManyResponse, void> {
    const reading = this.#read(requests, stream, player);
    let failed: ConnectError | undefined;
    reading.catch((thrown: unknown) => {
      failed = ConnectError.from(thrown);
      this.#wake();
    });
    signal.addEventListener("abort", () => {
      failed = ConnectError.from(signal.reason);
      this.#wake();
    });
    try {
      while (this.staysOpen || !this.isHalfClosed || this.lanes.size > 0 || this.#out.length > 0) {
        if (failed !== undefined) {
          throw failed;
        }
        if (this.#out.length === 0) {
          await new Promise<void>((resolve) => (this.#wake = resolve));
        } else {
          const message = create(ConnectManyResponseSchema);
          message.lanes = this.#out.splice(0);
          yield message;
        }
      }
    } finally {
      this.isOver = true;
      for (const lane of this.lanes.values()) {
        lane.cancel();
      }
    }
  }

  async #read(
    requests: AsyncIterable<ConnectManyRequest>,
    stream: ServerHttp2Stream | undefined,
    player: LanePlayer,
  ): Promise<void> {
    for await (const message of requests) {
      this.messages.push(message);
      for (const part of message.lanes) {
        this.#take(part, stream, player);
      }
    }
    this.isHalfClosed = true;
    for (const lane of this.lanes.values()) {
      lane.halfClose();
    }
    this.#wake();
  }

  #take(part: LaneRequest, stream: ServerHttp2Stream | undefined, player: LanePlayer): void {
    let lane = this.lanes.get(part.lane);
    if (lane === undefined) {
      if (part.lane !== 0n && part.lane <= BigInt(this.opened)) {
        return;
      }
      if (part.lane !== BigInt(this.opened + 1)) {
        throw new ConnectError(
          `lane ${part.lane} is opened, expected ${this.opened + 1}`,
          Code.InvalidArgument,
        );
      }
      this.opened++;
      lane = new LaneSide();
      this.lanes.set(part.lane, lane);
      void this.#run(part.lane, lane, player(lane.requests, stream));
    }
    lane.take(part);
    if (part.what.case === "cancel") {
      this.lanes.delete(part.lane);
      this.#wake();
    }
  }

  async #run(number: bigint, lane: LaneSide, frames: AsyncGenerator<Frame, void>): Promise<void> {
    lane.onCancel = () => void frames.return().catch(() => undefined);
    let end: Status | undefined;
    try {
      for await (const frame of frames) {
        const message = create(ConnectResponseSchema, frame);
        message.$unknown = frame.$unknown; // Which `create` leaves out.
        if ((frame.outcomes?.length ?? 0) > 0) {
          await lane.hasCredit();
          lane.credit -= toBinary(ConnectResponseSchema, message).length;
        }
        this.send(number, create(LaneResponseSchema, { lane: number, frame: message }));
      }
      end = create(StatusSchema);
    } catch (thrown) {
      end = statusOf(ConnectError.from(thrown));
    }
    this.send(number, create(LaneResponseSchema, { lane: number, end }));
    this.lanes.delete(number);
    this.#wake();
  }

  /** Sends a part, unless its lane was cancelled. */
  send(number: bigint, part: LaneResponse): void {
    if (this.lanes.has(number)) {
      this.sendAnyway(part);
    }
  }

  sendAnyway(part: LaneResponse): void {
    this.#out.push(part);
    this.#wake();
  }
}

/** One lane, as the host has it. */
class LaneSide {
  credit = FIRST_CREDIT;
  onCancel = (): void => undefined;
  readonly #frames: ConnectRequest[] = [];
  #isHalfClosed = false;
  #isCancelled = false;
  #wakeReader = (): void => undefined;
  #wakeWriter = (): void => undefined;

  take({ what, moreBytes }: LaneRequest): void {
    this.credit += moreBytes;
    if (this.credit > 0) {
      this.#wakeWriter();
    }
    if (what.case === "frame") {
      this.#frames.push(what.value);
      this.#wakeReader();
    } else if (what.case === "halfClose") {
      this.halfClose();
    } else if (what.case === "cancel") {
      this.cancel();
    }
  }

  halfClose(): void {
    this.#isHalfClosed = true;
    this.#wakeReader();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#wakeReader();
    this.#wakeWriter();
    this.onCancel();
  }

  async hasCredit(): Promise<void> {
    while (this.credit <= 0 && !this.#isCancelled) {
      await new Promise<void>((resolve) => (this.#wakeWriter = resolve));
    }
  }

  readonly requests: AsyncIterable<ConnectRequest> = {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        for (;;) {
          const frame = this.#frames.shift();
          if (frame !== undefined) {
            return { done: false, value: frame };
          }
          if (this.#isCancelled) {
            throw new ConnectError("the lane was cancelled", Code.Canceled);
          }
          if (this.#isHalfClosed) {
            return { done: true, value: undefined };
          }
          await new Promise<void>((resolve) => (this.#wakeReader = resolve));
        }
      },
    }),
  };
}

function statusOf({ code, rawMessage, details }: ConnectError): Status {
  return create(StatusSchema, {
    code,
    message: rawMessage,
    details: details.map((detail) =>
      "desc" in detail
        ? anyPack(detail.desc, create(detail.desc, detail.value))
        : { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value },
    ),
  });
}
