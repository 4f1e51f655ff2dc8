import { Code } from "@connectrpc/connect";
import type { PendingCall } from "./call-queue.js";
import { CallFailure, clientCause, Fate, Reasons, type FailureCause } from "./failure.js";
import type { Outcome } from "./gen/seriatim/v1/durable_objects_pb.js";

/** Completes calls with their outcomes, up to one that can't be used, and says why it can't. */
export function handOut(
  first: number,
  calls: readonly PendingCall[],
  outcomes: readonly Outcome[],
): FailureCause | undefined {
  let unreadable: FailureCause | undefined;
  calls.forEach((call, index) => {
    const sequence = BigInt(first + index);
    if (unreadable !== undefined) {
      call.fail(new CallFailure(unreadable, Fate.UNKNOWN, sequence)); // It is out of the ledger already.
      return;
    }
    const why = completeWith(call, outcomes[index]);
    if (why !== undefined) {
      const message = `the host broke the protocol: outcome ${sequence} ${why}`;
      unreadable = clientCause(Reasons.HOST_VIOLATION, Code.Internal, message);
      call.fail(new CallFailure(unreadable, Fate.COMPLETED, sequence));
    }
  });
  return unreadable;
}

function completeWith(call: PendingCall, outcome: Outcome | undefined): string | undefined {
  if (outcome?.result.case !== "message") {
    return "has no 'message'";
  }
  try {
    call.succeed(outcome.result.value);
    return undefined;
  } catch (thrown) {
    return `is no ${call.method} response: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}
