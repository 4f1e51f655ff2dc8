// Makes the calls of the benchmarks in TypeScript, as it is told on its standard input. benchmarks/README.md, at the
// top of the tree, says how.
//
// usage: node build/benchmarks/caller.js BARE HOST, each as HOST:PORT
import { createInterface } from "node:readline";
import { create } from "@bufbuild/protobuf";
import { createClient, type Client } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { DurableObjects } from "@seriatim/stub";
import { Bare, Bench, PayloadSchema, type Payload } from "./gen/seriatim/benchmarks/v1/benchmarks_pb.js";

/** With a stub or a stream each. */
const OBJECTS = 1_000;
/** For a stub for each call. */
const NAMES = 10_000;

const payload = create(PayloadSchema, { data: new Uint8Array(32) });

/** Calls on one connection. */
interface Load {
  /** Makes one more call. */
  send(): void;

  /** Waits for the answer to the oldest one. */
  receive(): Promise<unknown>;

  close(): void;
}

/** Where a bare stream's messages come from: as many as are asked for, when they are. */
class Requests implements AsyncIterable<Payload> {
  #count = 0;
  #wake = (): void => undefined;

  add(): void {
    this.#count++;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Payload> {
    for (;;) {
      while (this.#count === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      this.#count--;
      yield payload;
    }
  }
}

/** A client of the bare server. */
function bareClient(target: string): { client: Client<typeof Bare>; close: () => void } {
  const baseUrl = `http://${target}`;
  const sessionManager = new Http2SessionManager(baseUrl, {}, { maxSessionMemory: 1000 });
  const client = createClient(Bare, createGrpcTransport({ baseUrl, sessionManager }));
  return {
    client,
    close: () => {
      sessionManager.abort();
    },
  };
}

/** The reference: a message on a bidirectional stream for each call, on each stream in turn. */
class BareStreams implements Load {
  readonly #requests: Requests[] = [];
  readonly #responses: AsyncIterator<Payload>[] = [];
  readonly close: () => void;
  #sent = 0;
  #received = 0;

  constructor(
    target: string,
    readonly count: number,
  ) {
    const { client, close } = bareClient(target);
    this.close = close;
    for (let i = 0; i < count; i++) {
      const requests = new Requests();
      this.#requests.push(requests);
      this.#responses.push(client.stream(requests)[Symbol.asyncIterator]());
    }
  }

  send(): void {
    this.#requests[this.#sent++ % this.count]?.add();
  }

  async receive(): Promise<unknown> {
    return this.#responses[this.#received++ % this.count]?.next();
  }
}

/** Calls whose promises are in a ring, of as many as are in flight. */
class Calls implements Load {
  readonly #calls: Promise<unknown>[] = [];
  #made = 0;
  #answered = 0;

  constructor(
    readonly inFlight: number,
    readonly call: (number: number) => Promise<unknown>,
    readonly end: () => void,
  ) {}

  send(): void {
    const number = this.#made++;
    this.#calls[number % this.inFlight] = this.call(number);
  }

  async receive(): Promise<unknown> {
    return this.#calls[this.#answered++ % this.inFlight];
  }

  close(): void {
    for (const call of this.#calls) {
      call.catch(() => undefined); // Nobody waits for those that are still in flight.
    }
    this.end();
  }
}

function unaryCalls(target: string, inFlight: number): Load {
  const { client, close } = bareClient(target);
  return new Calls(inFlight, () => client.unary(payload), close);
}

/** Calls of so many stubs, in turn. */
function stubCalls(target: string, inFlight: number, count: number, sharedCalls: number): Load {
  const objects = DurableObjects.connect(`http://${target}`, { sharedCalls });
  const namespace = objects.namespace("BENCH");
  const clients = Array.from({ length: count }, (_, index) =>
    createClient(Bench, namespace.getByName(`bench-${index}`).transport()),
  );
  return new Calls(
    inFlight,
    async (number) => clients[number % count]?.echo(payload),
    () => {
      objects.close();
    },
  );
}

/** A stub for each call. */
function callsOfTheirOwn(target: string, inFlight: number, sharedCalls: number): Load {
  const objects = DurableObjects.connect(`http://${target}`, { sharedCalls });
  const namespace = objects.namespace("BENCH");
  return new Calls(
    inFlight,
    (number) => {
      using stub = namespace.getByName(`bench-${number % NAMES}`);
      return stub.call(Bench.method.echo, payload);
    },
    () => {
      objects.close();
    },
  );
}

/** Makes a call for each answer, for a time; resolves with how long each took from the one before. */
async function run(load: Load, millis: number): Promise<number[]> {
  const durations: number[] = [];
  let now = performance.now();
  const end = now + millis;
  while (now < end) {
    await load.receive();
    load.send();
    const answered = performance.now();
    durations.push(answered - now);
    now = answered;
  }
  return durations;
}

/** A load, and how many calls make it warm. */
function open(name: string | undefined, inFlight: number): [Load, number] {
  const [bare, host] = process.argv.slice(2);
  if (bare === undefined || host === undefined) {
    throw new Error(`${process.argv.length - 2} arguments, expected BARE and HOST, each as HOST:PORT`);
  }
  switch (name) {
    case "stream":
      return [new BareStreams(bare, 1), 1];
    case "streams":
      return [new BareStreams(bare, OBJECTS), OBJECTS];
    case "unary":
      return [unaryCalls(bare, inFlight), 1];
    case "stub":
      return [stubCalls(host, inFlight, 1, 0), 1];
    case "stubs":
      return [stubCalls(host, inFlight, OBJECTS, 0), OBJECTS];
    case "lanes":
      return [stubCalls(host, inFlight, OBJECTS, 1), OBJECTS];
    case "each":
      return [callsOfTheirOwn(host, inFlight, 0), NAMES];
    case "each-lane":
      return [callsOfTheirOwn(host, inFlight, 1), NAMES];
    default:
      throw new Error(`load ${name}, expected stream, streams, unary, stub, stubs, lanes, each or each-lane`);
  }
}

/** Makes so many calls, so that all streams, stubs or objects are there when it begins. */
async function warm(load: Load, inFlight: number, count: number): Promise<void> {
  for (let left = count; left > 0; left -= inFlight) {
    const some = Math.min(inFlight, left);
    for (let i = 0; i < some; i++) {
      load.send();
    }
    for (let i = 0; i < some; i++) {
      await load.receive();
    }
  }
}

/** Does what a command says. Gives the answers in a second, and the percentiles of single calls in µs. */
async function obey(command: string): Promise<string> {
  const [name, ...numbers] = command.split(" ");
  const [inFlight = 0, warmUpMillis = 0, millis = 0] = numbers.map(Number);
  const [load, count] = open(name, inFlight);
  try {
    await warm(load, inFlight, count);
    for (let i = 0; i < inFlight; i++) {
      load.send();
    }
    await run(load, warmUpMillis);
    const durations = (await run(load, millis)).sort((a, b) => a - b);
    const total = durations.reduce((sum, duration) => sum + duration, 0);
    const answer = [((durations.length * 1000) / total).toFixed(1)];
    for (let percent = 0; inFlight === 1 && percent <= 100; percent++) {
      const micros = (durations[Math.floor((percent * (durations.length - 1)) / 100)] ?? 0) * 1000;
      answer.push(micros.toFixed(2));
    }
    return answer.join(" ");
  } finally {
    load.close();
  }
}

console.log("ready");
for await (const command of createInterface({ input: process.stdin })) {
  console.log(await obey(command));
}
