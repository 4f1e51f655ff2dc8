// Makes many calls on a new counter, and holds each answer to the number of its call: one that was lost, or executed twice,
// would show. Its stub outlives its connections, so the server may be stopped meanwhile, and started again on its data.
//
// usage: node build/examples/counting.js [HOST:PORT] [CALLS]
import { createClient } from "@connectrpc/connect";
import { DurableObjects } from "@seriatim/stub";
import { Counter } from "./gen/seriatim/examples/v1/counter_pb.js";

const AT_ONCE = 64;

const target = process.argv[2] ?? process.env["SERIATIM_TARGET"] ?? "localhost:7070";
const calls = Number(process.argv[3] ?? 1000);
using objects = DurableObjects.connect(`http://${target}`);
const counters = objects.namespace("COUNTER").resumable();
await using stub = counters.get(await counters.newUniqueId());
const counter = createClient(Counter, stub.transport());

const waiting: ReturnType<typeof counter.increment>[] = [];
let made = 0;
for (let number = 1; number <= calls; number++) {
  while (made < calls && waiting.length < AT_ONCE) {
    const call = counter.increment({ amount: 1n });
    call.catch(() => undefined); // It is looked at when its turn comes.
    waiting.push(call);
    made++;
  }
  const value = (await waiting.shift())?.value;
  if (value !== BigInt(number)) {
    throw new Error(`call ${number} has made the counter ${value}`);
  }
}
console.log(`${calls} calls, each executed once`);
