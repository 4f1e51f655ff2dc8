// The driver of this library for the client cases: it makes the calls that it is told, and reports what its
// caller saw. conformance-tests/src/main/proto/seriatim/conformance/v1/client_driver.proto says how.
import { createInterface } from "node:readline";
import { Code, ConnectError, createClient, type Client, type Interceptor } from "@connectrpc/connect";
import {
  bearer,
  CallFailure,
  DurableObjects,
  InvalidIdError,
  type ConnectOptions,
  type DurableObjectId,
  type DurableObjectNamespace,
  type DurableObjectStub,
} from "@seriatim/stub";
import { ClientProbe } from "./gen/seriatim/conformance/v1/client_probe_pb.js";

interface DriverRequest {
  target: string;
  tls?: boolean;
  options?: Record<string, number>;
  steps?: DriverStep[];
}

interface DriverStep {
  open?: {
    stub?: string;
    namespace?: string;
    name?: string;
    id?: string;
    unique_key?: string;
    id_of?: IdOf;
    resumable?: boolean;
  };
  call?: DriverCall;
  await?: { first?: number; last?: number };
  give_up?: { call?: number };
  close?: { stub?: string };
  cancel?: { stub?: string };
  await_end?: { stub?: string };
  id_from_name?: { namespace?: string; name?: string };
}

interface IdOf {
  namespace?: string;
  unique_key?: string;
  name?: string;
  digits?: string;
  other_client?: boolean;
}

interface DriverCall {
  stub?: string;
  times?: number;
  text?: string;
  padding_bytes?: number;
  timeout_ms?: number;
  metadata?: Record<string, string>;
  listen?: boolean;
}

type DriverResult = Record<string, string | number | boolean>;

/** What this library has of what not every one has. */
const FEATURES = ["resumable", "bearer"];

/** The names of gRPC's codes: `FAILED_PRECONDITION`, where connect has `FailedPrecondition`. */
function nameOf(code: Code): string {
  return code === Code.Canceled ? "CANCELLED" : Code[code].replace(/(?<=.)([A-Z])/g, "_$1").toUpperCase();
}

class OpenStub {
  readonly stub: DurableObjectStub;
  readonly client: Client<typeof ClientProbe>;
  readonly firstTold: Promise<void>;
  breaksTold = 0;

  constructor(stub: DurableObjectStub) {
    this.stub = stub;
    this.client = createClient(ClientProbe, stub.transport());
    this.firstTold = new Promise((resolve) => {
      stub.onBreak(() => {
        this.breaksTold++;
        resolve();
      });
    });
  }
}

/** One case. */
class Driver {
  readonly #url: string;
  readonly #objects: DurableObjects;
  /** Undefined, if it was refused. */
  readonly #stubs = new Map<string, OpenStub | undefined>();
  readonly #results: Promise<DriverResult>[] = [];
  readonly #givingUp: AbortController[] = [];

  constructor(request: DriverRequest) {
    this.#url = `${request.tls === true ? "https" : "http"}://${request.target}`;
    this.#objects = DurableObjects.connect(this.#url, optionsOf(request.options ?? {}));
  }

  async run(steps: DriverStep[]): Promise<object> {
    try {
      for (const step of steps) {
        await this.#do(step);
      }
      const results = await Promise.all(this.#results);
      return { results, stubs: await this.#states() };
    } finally {
      this.#objects.close();
    }
  }

  async #do(step: DriverStep): Promise<void> {
    if (step.open !== undefined) {
      const { stub = "", namespace, name = "", id = "", unique_key, id_of, resumable } = step.open;
      const ordinary = namespaceOf(this.#objects, namespace, unique_key);
      const from = resumable === true ? ordinary.resumable() : ordinary;
      const got = id_of === undefined ? await get(from, name, id) : await this.#getWith(from, id_of);
      this.#stubs.set(stub, got === undefined ? undefined : new OpenStub(got));
    } else if (step.call !== undefined) {
      for (let time = 0; time < Math.max(1, step.call.times ?? 0); time++) {
        this.#call(step.call);
      }
    } else if (step.await !== undefined) {
      const { first = 0, last = 0 } = step.await;
      await Promise.all(first === 0 && last === 0 ? this.#results : this.#results.slice(first - 1, last));
    } else if (step.give_up !== undefined) {
      this.#givingUp[(step.give_up.call ?? 0) - 1]?.abort();
    } else if (step.close !== undefined) {
      void this.#stub(step.close.stub).stub.close();
    } else if (step.cancel !== undefined) {
      this.#stub(step.cancel.stub).stub.cancel("the case cancels the stub");
    } else if (step.await_end !== undefined) {
      await ended(this.#stub(step.await_end.stub));
    } else if (step.id_from_name !== undefined) {
      const { namespace = "", name = "" } = step.id_from_name;
      this.#givingUp.push(new AbortController());
      const id = resultOf(this.#objects.namespace(namespace).idFromName(name), (made) => ({
        text: made.toString(),
      }));
      this.#results.push(id);
      await id;
    } else {
      throw new Error(`no step that this driver knows: ${JSON.stringify(step)}`);
    }
  }

  /** Counts as a call. */
  async #getWith(from: DurableObjectNamespace, idOf: IdOf): Promise<DurableObjectStub | undefined> {
    let stub: DurableObjectStub | undefined;
    this.#givingUp.push(new AbortController());
    const got = resultOf(this.#id(idOf), (id) => {
      stub = from.get(id);
      return { text: id.toString() };
    });
    this.#results.push(got);
    await got;
    return stub;
  }

  async #id({ namespace, unique_key, name = "", digits = "", other_client }: IdOf): Promise<DurableObjectId> {
    const other = other_client === true ? DurableObjects.connect(this.#url) : undefined;
    try {
      const from = namespaceOf(other ?? this.#objects, namespace, unique_key);
      return await (name === "" ? from.idFromString(digits) : from.idFromName(name));
    } finally {
      other?.close();
    }
  }

  #call(call: DriverCall): void {
    const { client } = this.#stub(call.stub);
    const givingUp = new AbortController();
    const number = this.#givingUp.push(givingUp);
    const options = { timeoutMs: call.timeout_ms, headers: call.metadata, signal: givingUp.signal };
    if (call.listen === true) {
      const first = client.listen({}, options)[Symbol.asyncIterator]().next();
      this.#results.push(resultOf(first, () => ({})));
      return;
    }
    const text = (call.text ?? "").replaceAll("#", String(number));
    const said = client.say({ text, padding: new Uint8Array(call.padding_bytes ?? 0) }, options);
    this.#results.push(resultOf(said, ({ text, padding }) => ({ text, padding_bytes: padding.length })));
  }

  #stub(name = ""): OpenStub {
    const stub = this.#stubs.get(name);
    if (stub === undefined) {
      throw new Error(`no stub '${name}' is open`);
    }
    return stub;
  }

  async #states(): Promise<object[]> {
    const states: object[] = [];
    for (const [name, open] of this.#stubs) {
      if (open?.stub.isBroken === true) {
        await within(30_000, open.firstTold);
      }
      states.push({
        stub: name,
        broken: open?.stub.isBroken ?? false,
        reason: open?.stub.breakCause?.reason ?? "",
        breaks_told: open?.breaksTold ?? 0,
        resumable: open?.stub.isResumable ?? false,
      });
    }
    return states;
  }
}

function namespaceOf(objects: DurableObjects, name = "", uniqueKey = ""): DurableObjectNamespace {
  return objects.namespace(name, uniqueKey === "" ? undefined : uniqueKey);
}

async function get(from: DurableObjectNamespace, name: string, id: string): Promise<DurableObjectStub> {
  return name !== "" || id === "" ? from.getByName(name) : from.get(await from.idFromString(id));
}

function optionsOf(given: Record<string, number>): ConnectOptions {
  const set = (name: string): number | undefined => (given[name] === 0 ? undefined : given[name]);
  return {
    maxUnansweredFrames: set("max_unanswered_frames"),
    maxFrameInvocations: set("max_frame_invocations"),
    maxFrameBytes: set("max_frame_bytes"),
    maxInvocationBytes: set("max_invocation_bytes"),
    maxBufferedInvocations: set("max_buffered_invocations"),
    maxBufferedBytes: set("max_buffered_bytes"),
    maxInboundFrameBytes: set("max_inbound_frame_bytes"),
    deadlineGraceMs: set("deadline_grace_ms"),
    describeTimeoutMs: set("describe_timeout_ms"),
    endTimeoutMs: set("end_timeout_ms"),
    openTimeoutMs: set("open_timeout_ms"),
    sharedCalls: set("shared_calls"),
    sharedCallIdleTimeoutMs: set("shared_call_idle_timeout_ms"),
    followRoutes: Boolean(given["follow_routes"]),
    maxRoutes: set("max_routes"),
    resumeTimeoutMs: set("resume_timeout_ms"),
    maxResumesWithoutProgress: set("max_resumes_without_progress"),
    resumeBackoffMs: set("resume_backoff_ms"),
    maxResumeBackoffMs: set("max_resume_backoff_ms"),
    interceptors: given["bearer"]
      ? [counted(given["failing_fetch"] ?? 0, Boolean(given["later_fetches_fail"]))]
      : [],
    keepAliveTimeMs: set("keep_alive_time_ms"),
    keepAliveTimeoutMs: set("keep_alive_timeout_ms"),
  };
}

/** Says who calls, by tokens that are counted. */
function counted(failing: number, laterFail: boolean): Interceptor {
  let fetches = 0;
  return bearer(() => {
    fetches++;
    if (fetches === failing || (fetches > failing && laterFail)) {
      throw new Error("no token today");
    }
    return `token-${fetches}`;
  });
}

async function resultOf<T>(call: Promise<T>, seen: (value: T) => DriverResult): Promise<DriverResult> {
  try {
    return { ok: true, ...seen(await call) };
  } catch (thrown) {
    const failure = CallFailure.of(thrown);
    if (failure !== undefined) {
      const { reason, retryable, overloaded, remote, fate } = failure;
      return {
        code: nameOf(failure.code),
        message: failure.rawMessage,
        cause_message: failure.failureCause.message,
        ...{ reason, retryable, overloaded, remote, fate },
        failed_sequence: failure.failedSequence.toString(),
        sequence: failure.sequence.toString(),
      };
    }
    if (thrown instanceof ConnectError) {
      return { code: nameOf(thrown.code), message: thrown.rawMessage };
    }
    if (thrown instanceof InvalidIdError) {
      return { reason: thrown.reason, message: thrown.message };
    }
    return { unexpected: String(thrown) };
  }
}

/** Waits for the end, but doesn't bring it about. */
function ended({ stub }: OpenStub): Promise<void> {
  return within(40_000, stub.ended);
}

async function within(millis: number, event: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([event, new Promise((resolve) => (timer = setTimeout(resolve, millis)))]);
  clearTimeout(timer);
}

for await (const line of createInterface({ input: process.stdin })) {
  let response: object;
  try {
    const request = JSON.parse(line) as DriverRequest;
    response = await new Driver(request).run(request.steps ?? []);
  } catch (thrown) {
    response = { driver_fault: thrown instanceof Error ? thrown.message : String(thrown) };
  }
  process.stdout.write(`${JSON.stringify({ ...response, features: FEATURES })}\n`);
}
