import { create, toBinary } from "@bufbuild/protobuf";
import { DurationSchema, type Duration } from "@bufbuild/protobuf/wkt";
import type { PendingCall } from "./call-queue.js";
import {
  ConnectRequestSchema,
  ConnectResponseSchema,
  InvocationSchema,
  OpenedSchema,
  OpenSchema,
  type ConnectRequest,
  type ConnectResponse,
  type Invocation,
  type Open,
} from "./gen/seriatim/v1/durable_objects_pb.js";

/** The longest `google.protobuf.Duration`. */
const MAX_DURATION_MS = 315_576_000_000 * 1000;

/** What `open` adds to a frame, at most. */
export function openBytes(open: Open): number {
  return toBinary(OpenSchema, open).length + 8;
}

/** A frame with these calls, of which the first has this number. Their timeouts are the time that remains. */
export function requestFrame(
  open: Open | undefined,
  first: number,
  calls: readonly PendingCall[],
  now: number,
): ConnectRequest {
  const frame = create(ConnectRequestSchema);
  frame.invocations = calls.map((call, index) => invocation(first + index, call, now));
  if (open !== undefined) {
    frame.open = open;
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

/** The size of a frame with outcomes. It was read by a transport that doesn't tell. */
export function responseBytes(frame: ConnectResponse): number {
  if (frame.broken !== undefined || frame.$unknown !== undefined) {
    return toBinary(ConnectResponseSchema, frame).length;
  }
  let bytes = frame.opened === undefined ? 0 : fieldBytes(toBinary(OpenedSchema, frame.opened).length);
  for (const { sequence, result, $unknown } of frame.outcomes) {
    if (result.case !== "message" || $unknown !== undefined) {
      return toBinary(ConnectResponseSchema, frame).length;
    }
    bytes += fieldBytes(1 + varintBytes(Number(sequence)) + fieldBytes(result.value.length));
  }
  return bytes;
}

/** The size of a field with so many bytes. */
function fieldBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest /= 0x80) {
    bytes++;
  }
  return bytes;
}

function duration(millis: number): Duration {
  const bounded = Math.min(millis, MAX_DURATION_MS);
  const seconds = Math.floor(bounded / 1000);
  return create(DurationSchema, {
    seconds: BigInt(seconds),
    nanos: Math.floor((bounded - seconds * 1000) * 1e6),
  });
}
