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

const payload = create(PayloadSchema, { data: new Uint8Array(32) });

/** Calls on one connection. */
interface Load {
  /** Makes one more call. */
  send(): void;

  /** Waits for the answer to the oldest one. */
  receive(): Promise<unknown>;

  close(): void;
}

/** The reference: a message on a bidirectional stream for each call. */
class BareStream implements Load {
  readonly #session: Http2SessionManager;
  readonly #responses: AsyncIterator<Payload>;
  #requests = 0;
  #wake = (): void => undefined;

  constructor(target: string) {
    const baseUrl = `http://${target}`;
    this.#session = new Http2SessionManager(baseUrl);
    const transport = createGrpcTransport({ baseUrl, sessionManager: this.#session });
    this.#responses = createClient(Bare, transport).stream(this.#taken())[Symbol.asyncIterator]();
  }

  async *#taken(): AsyncGenerator<Payload> {
    for (;;) {
      while (this.#requests === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      this.#requests--;
      yield payload;
    }
  }

  send(): void {
    this.#requests++;
    this.#wake();
  }

  receive(): Promise<unknown> {
    return this.#responses.next();
  }

  close(): void {
    this.#session.abort();
  }
}

/** Calls of one stub. */
class StubCalls implements Load {
  readonly #objects: DurableObjects;
  readonly #bench: Client<typeof Bench>;
  readonly #calls: Promise<unknown>[] = []; // In a ring, of as many as are in flight.
  #made = 0;
  #answered = 0;

  constructor(
    target: string,
    readonly inFlight: number,
  ) {
    this.#objects = DurableObjects.connect(`http://${target}`);
    this.#bench = createClient(Bench, this.#objects.namespace("BENCH").getByName("bench-0").transport());
  }

  send(): void {
    this.#calls[this.#made++ % this.inFlight] = this.#bench.echo(payload);
  }

  async receive(): Promise<unknown> {
    return this.#calls[this.#answered++ % this.inFlight];
  }

  close(): void {
    for (const call of this.#calls) {
      call.catch(() => undefined); // Nobody waits for those that are still in flight.
    }
    this.#objects.close();
  }
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

function open(name: string | undefined, inFlight: number): Load {
  const [bare, host] = process.argv.slice(2);
  if (bare === undefined || host === undefined) {
    throw new Error(`${process.argv.length - 2} arguments, expected BARE and HOST, each as HOST:PORT`);
  }
  switch (name) {
    case "stream":
      return new BareStream(bare);
    case "stub":
      return new StubCalls(host, inFlight);
    default:
      throw new Error(`load ${name}, expected stream or stub`);
  }
}

/** Does what a command says. Gives the answers in a second, and the percentiles of single calls in µs. */
async function obey(command: string): Promise<string> {
  const [name, ...numbers] = command.split(" ");
  const [inFlight = 0, warmUpMillis = 0, millis = 0] = numbers.map(Number);
  const load = open(name, inFlight);
  try {
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
