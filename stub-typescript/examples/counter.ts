// Calls a counter in order without waiting, breaks the stub in their midst, says which calls ran, and goes on
// with a new stub.
//
// usage: node build/examples/counter.js [HOST:PORT]
import { Code, createClient } from "@connectrpc/connect";
import { CallFailure, DurableObjects, Fate } from "@seriatim/stub";
import { Counter } from "./gen/seriatim/examples/v1/counter_pb.js";

const target = process.argv[2] ?? process.env["SERIATIM_TARGET"] ?? "localhost:7070";
using objects = DurableObjects.connect(`http://${target}`);
const counters = objects.namespace("COUNTER");
const id = await counters.newUniqueId(); // A counter that no one else has.

// Five calls at once. They run in this order; an amount of 0 throws.
const amounts = [5n, 2n, 0n, 100n, 1n];
const stub = counters.get(id);
const counter = createClient(Counter, stub.transport());
const results = await Promise.allSettled(amounts.map((amount) => counter.increment({ amount })));

const notExecuted: bigint[] = [];
for (const [index, amount] of amounts.entries()) {
  const result = results[index];
  if (result?.status === "fulfilled") {
    console.log(`add ${amount}: now ${result.value.value}`);
    continue;
  }
  const failure = CallFailure.of(result?.reason);
  if (failure === undefined) {
    throw result?.reason;
  }
  console.log(`add ${amount}: ${failure.rawMessage}`);
  const isToBlame = failure.sequence === failure.failedSequence;
  if (failure.fate === Fate.NOT_EXECUTED && !isToBlame) {
    notExecuted.push(amount);
  }
}
const cause = stub.breakCause;
if (cause !== undefined) {
  console.log(`the stub is broken: ${cause.reason} ${Code[cause.code]}, remote ${cause.remote}`);
}

// What had no effect can be sent again, on a new stub. `await using` waits for its end.
await using another = counters.get(id);
const again = createClient(Counter, another.transport());
for (const { value } of await Promise.all(notExecuted.map((amount) => again.increment({ amount })))) {
  console.log(`again: now ${value}`);
}
