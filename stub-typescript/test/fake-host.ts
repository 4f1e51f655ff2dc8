import { create, fromBinary, toBinary, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createContextKey, createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  constants,
  createSecureServer,
  createServer,
  type Http2ServerRequest,
  type Http2Session,
  type SecureServerOptions,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import {
  CounterValueSchema,
  IncrementRequestSchema,
} from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { ErrorInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../src/gen/google/rpc/status_pb.js";
import {
  BrokenSchema,
  DurableObjects as Contract,
  OpenedSchema,
  OpenedSessionSchema,
  OutcomeSchema,
  type ConnectRequest,
  type Broken,
  type Opened,
  type Invocation,
  type Outcome,
} from "../src/gen/seriatim/v1/durable_objects_pb.js";
import { DurableObjectIds } from "../src/index.js";
import { ManySide } from "./fake-lanes.js";

export const UNIQUE_KEY = "mykey";
export const ids = new DurableObjectIds(UNIQUE_KEY);

/** What a host sends. */
export interface Frame {
  opened?: Opened;
  outcomes?: Outcome[];
  broken?: Broken;
  $unknown?: Message["$unknown"];
}

/** Plays one stub's call. Returning ends it with OK, throwing a ConnectError with that status. */
export type Script = (stub: HostSide) => AsyncGenerator<Frame, void>;

/** One stub's call, as the host has it. */
export class HostSide {
  /** Every frame that was read, in order. */
  readonly frames: ConnectRequest[] = [];
  readonly #requests: AsyncIterator<ConnectRequest>;
  readonly #stream: ServerHttp2Stream | undefined;

  constructor(requests: AsyncIterable<ConnectRequest>, stream: ServerHttp2Stream | undefined) {
    this.#requests = requests[Symbol.asyncIterator]();
    this.#stream = stream;
  }

  /** The next frame, or undefined after the half-close. */
  async read(): Promise<ConnectRequest | undefined> {
    const result = await this.#requests.next();
    if (result.done === true) {
      return undefined;
    }
    this.frames.push(result.value);
    return result.value;
  }

  /** Reads frames until that many invocations have come in all, and returns all of them. */
  async readInvocations(count: number): Promise<Invocation[]> {
    while (this.invocations.length < count) {
      if ((await this.read()) === undefined) {
        throw new Error(`half-closed after ${this.invocations.length} invocations, expected ${count}`);
      }
    }
    return this.invocations;
  }

  get invocations(): Invocation[] {
    return this.frames.flatMap((frame) => frame.invocations);
  }

  /** Cuts the connection, with all its stubs. */
  cut(): void {
    this.#stream?.session?.destroy();
  }

  /** Refuses this stub's stream, as one of which nothing was processed. */
  refuse(): void {
    this.#stream?.close(constants.NGHTTP2_REFUSED_STREAM);
  }

  /** Says that the connection goes away, and that nothing was processed behind this stub's stream. */
  goAway(): void {
    this.#stream?.session?.goaway(constants.NGHTTP2_NO_ERROR, this.#stream.id);
  }
}

/** A host on loopback that does what a script says, right or wrong. */
export class FakeHost implements AsyncDisposable {
  /** The stubs that were opened, in order. */
  readonly stubs: HostSide[] = [];
  /** The calls of many stubs that were begun, in order. */
  readonly calls: ManySide[] = [];
  /** How many calls of many stubs were refused. */
  refused = 0;
  /** How often a namespace was described. */
  described = 0;
  /** The header `authorization` of each gRPC call, in order; "" for none. */
  readonly authorizations: string[] = [];
  url = "";
  readonly #close: () => Promise<void>;

  private constructor(close: () => Promise<void>) {
    this.#close = close;
  }

  /** The one call of many stubs that there is. */
  get call(): ManySide {
    const [call, ...more] = this.calls;
    if (call === undefined || more.length > 0) {
      throw new Error(`${this.calls.length} calls of many stubs, expected 1`);
    }
    return call;
  }

  /** Starts a host whose first stub plays the first script, and so on; the last one is played again. */
  static start(...scripts: Script[]): Promise<FakeHost> {
    return FakeHost.startWith({}, ...scripts);
  }

  /** The same, with a server that has these options: with TLS, if there is a certificate. */
  static async startWith(
    { servesMany = true, ...options }: SecureServerOptions & { servesMany?: boolean },
    ...scripts: Script[]
  ): Promise<FakeHost> {
    const requestKey = createContextKey<Http2ServerRequest | undefined>(undefined);
    const sessions = new Set<Http2Session>();
    const play = async function* (
      requests: AsyncIterable<ConnectRequest>,
      stream: ServerHttp2Stream | undefined,
    ): AsyncGenerator<Frame, void> {
      const stub = new HostSide(requests, stream);
      const script = scripts[Math.min(host.stubs.length, scripts.length - 1)];
      host.stubs.push(stub);
      if (script !== undefined) {
        yield* script(stub);
      }
    };
    const handler = connectNodeAdapter({
      contextValues: (request) => {
        host.authorizations.push(request.headers.authorization ?? "");
        return createContextValues().set(requestKey, request as Http2ServerRequest);
      },
      routes: (router) => {
        router.service(Contract, {
          async *connect(requests, context) {
            yield* play(requests, context.values.get(requestKey)?.stream);
          },
          async *connectMany(requests, context) {
            if (!servesMany) {
              host.refused++;
              throw new ConnectError("this host knows one stub for each call", Code.Unimplemented);
            }
            const call = new ManySide();
            host.calls.push(call);
            yield* call.play(requests, context.values.get(requestKey)?.stream, play, context.signal);
          },
          describeNamespace: ({ name }) => {
            host.described++;
            if (name === "MISSING") {
              throw new ConnectError("no namespace 'MISSING'", Code.NotFound);
            }
            return name === "LIAR" ? { name: "OTHER", uniqueKey: "" } : { name, uniqueKey: UNIQUE_KEY };
          },
        });
      },
    });
    const isSecure = options.cert !== undefined;
    const server = isSecure ? createSecureServer(options, handler) : createServer(options, handler);
    server.on("session", (session) => {
      sessions.add(session);
      session.on("close", () => sessions.delete(session));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const host = new FakeHost(
      () =>
        new Promise((resolve) => {
          server.close(() => {
            resolve();
          });
          for (const session of sessions) {
            session.destroy();
          }
        }),
    );
    host.url = `${isSecure ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return host;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

/** The first frame, of the object named `foo` if nothing else is said. */
export function opened(id = ids.fromName("foo").toString(), name?: string): Frame {
  return { opened: create(OpenedSchema, { id, name }) };
}

/** The first frame of a connection on which the session of a resumable stub has completed so many calls. */
export function resumed(completedThrough: number, retentionMs = 600_000): Frame {
  const session = create(OpenedSessionSchema, {
    completedThrough: BigInt(completedThrough),
    retention: { seconds: BigInt(Math.floor(retentionMs / 1000)), nanos: (retentionMs % 1000) * 1e6 },
  });
  return { opened: create(OpenedSchema, { id: ids.fromName("foo").toString(), session }) };
}

/** One outcome for each number, whose value is the number. */
export function outcomes(...sequences: number[]): Frame {
  return { outcomes: sequences.map((sequence) => outcome(sequence)) };
}

export function outcome(sequence: number, value = BigInt(sequence)): Outcome {
  const message = toBinary(CounterValueSchema, create(CounterValueSchema, { value }));
  return create(OutcomeSchema, { sequence: BigInt(sequence), result: { case: "message", value: message } });
}

/** The last frame, for an exception of the object if nothing else is said. */
export function broken(
  completedThrough: number,
  more: MessageInitShape<typeof BrokenSchema> & { reason?: string; code?: number; message?: string } = {},
): Frame {
  const { reason = "OBJECT_EXCEPTION", code = Code.FailedPrecondition, message = "no", ...fields } = more;
  const info = create(ErrorInfoSchema, { reason, domain: "seriatim.dev", metadata: { hint: "less" } });
  return {
    broken: create(BrokenSchema, {
      cause: create(StatusSchema, { code, message, details: [anyPack(ErrorInfoSchema, info)] }),
      completedThrough: BigInt(completedThrough),
      remote: reason === "OBJECT_EXCEPTION",
      ...fields,
    }),
  };
}

/** A host that keeps the rules, with one counter: `Increment` adds, and throws if the amount is 0. */
export async function* counting(stub: HostSide): AsyncGenerator<Frame, void> {
  yield opened();
  let value = 0n;
  for (;;) {
    const frame = await stub.read();
    if (frame === undefined) {
      return;
    }
    const answers: Outcome[] = [];
    for (const { sequence, argument } of frame.invocations) {
      const amount = fromBinary(IncrementRequestSchema, argument.value as Uint8Array).amount;
      if (amount === 0n) {
        yield { outcomes: answers, ...broken(Number(sequence) - 1, { failedSequence: sequence }) };
        throw new ConnectError("no", Code.FailedPrecondition);
      }
      value += amount;
      answers.push(outcome(Number(sequence), value));
    }
    yield { outcomes: answers };
  }
}
