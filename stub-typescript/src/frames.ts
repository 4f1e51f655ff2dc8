import { create, toBinary } from "@bufbuild/protobuf";
import { DurationSchema, type Duration } from "@bufbuild/protobuf/wkt";
import type { PendingCall } from "./call-queue.js";
import {
  ConnectRequestSchema,
  InvocationSchema,
  OpenSchema,
  type ConnectRequest,
  type Invocation,
  type Open,
} from "./gen/seriatim/v1/durable_objects_pb.js";

/** The longest `google.protobuf.Duration`. */
const MAX_DURATION_MS = 315_576_000_000 * 1000;

/** What `open` adds to a frame, at most. */
export function openBytes(open: Open): number {
  return toBinary(OpenSchema, open).length + 8;
}

/**
 * A frame with these calls, of which the first has this number. Their timeouts are the time that remains.
 *
 * @param acknowledged through which outcome the host may forget them, if that is to be said
 */
export function requestFrame(
  open: Open | undefined,
  first: number,
  calls: readonly PendingCall[],
  now: number,
  acknowledged?: number,
): ConnectRequest {
  const frame = create(ConnectRequestSchema);
  frame.invocations = calls.map((call, index) => invocation(first + index, call, now));
  if (open !== undefined) {
    frame.open = open;
  }
  if (acknowledged !== undefined) {
    frame.acknowledgedThrough = BigInt(acknowledged);
  }
  return frame;
}

function invocation(sequence: number, call: PendingCall, now: number): Invocation {
  const { method, metadata, argument, deadline } = call;
  const message = create(InvocationSchema, { sequence: BigInt(sequence), method, metadata });
  message.argument = { case: "message", value: argument };
  if (deadline !== Infinity) {
    message.timeout = duration(Math.max(0, deadline - now));
  }
  return message;
}

export function duration(millis: number): Duration {
  const bounded = Math.min(millis, MAX_DURATION_MS);
  const seconds = Math.floor(bounded / 1000);
  return create(DurationSchema, {
    seconds: BigInt(seconds),
    nanos: Math.floor((bounded - seconds * 1000) * 1e6),
  });
}
