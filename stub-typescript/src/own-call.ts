import type { Wire } from "./client.js";
import { DurableObjects } from "./gen/seriatim/v1/durable_objects_pb.js";
import type { Carried, Link } from "./link.js";
import { StreamCall } from "./stream-call.js";

/** A call that carries one session, and nothing else. */
export function ownCall(wire: Wire, carried: Carried): Link {
  return new StreamCall(wire, DurableObjects.method.connect, {
    next() {
      const next = carried.next(Infinity);
      return typeof next === "object" ? next.frame : next === "halfClose" ? next : "wait";
    },
    receive(frame) {
      carried.receive(frame);
    },
    ended(error) {
      carried.connectionEnded(error);
    },
  });
}
