// Calls a counter in order, without waiting for each answer, and says what became of each call.
//
// usage: npm start HOST:PORT
import { createClient } from "@connectrpc/connect";
import { CallFailure, DurableObjects } from "@seriatim/stub";
import { Counter } from "./gen/counter_pb.js";

const objects = DurableObjects.connect(`http://${process.argv[2]}`);
const stub = objects.namespace("COUNTER").getByName("typescript");
const counter = createClient(Counter, stub.transport());

const amounts = [5n, 2n, 0n, 100n]; // The third one throws.
for (const call of await Promise.allSettled(amounts.map((amount) => counter.increment({ amount })))) {
  if (call.status === "fulfilled") {
    console.log(String(call.value.value));
  } else if (call.reason instanceof CallFailure) {
    console.log(call.reason.reason, call.reason.fate);
  } else {
    throw call.reason;
  }
}
await stub.close();
await objects.close();
