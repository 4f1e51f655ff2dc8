/**
 * A host for tests: a process of its own, on loopback, whose time, commits and connections are the test's.
 *
 * It needs `SERIATIM_JAR`, the path of the server's jar, and a JDK 25 or newer: in `JAVA25_HOME`, in `JAVA_HOME` or on
 * the `PATH`.
 *
 * @module
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { createInterface } from "node:readline";
import { create } from "@bufbuild/protobuf";
import { DurationSchema, timestampDate } from "@bufbuild/protobuf/wkt";
import { createClient, type Client } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Admin } from "./gen/seriatim/admin/v1/admin_pb.js";
import { Testing } from "./gen/seriatim/admin/v1/testing_pb.js";

const LISTENING = "listening on ";
const PATIENCE_MS = 60_000;

/** How a host for tests is started. */
export interface TestHostOptions {
  /** The server's jar; by default where `SERIATIM_JAR` says. */
  readonly jar?: string;
  /** More options of `serve`, such as `["--objects", "target/my-objects.jar"]`. */
  readonly options?: readonly string[];
}

/** A host that is there for tests. */
export class TestHost {
  readonly #process: ChildProcess;
  readonly #testing: Client<typeof Testing>;
  readonly #admin: Client<typeof Admin>;

  /** Where it listens: `127.0.0.1:PORT`. */
  readonly target: string;

  /** What `DurableObjects.connect` takes. */
  readonly url: string;

  /** @internal */
  constructor(process: ChildProcess, target: string) {
    this.#process = process;
    this.target = target;
    this.url = `http://${target}`;
    const transport = createGrpcTransport({
      baseUrl: this.url,
      defaultTimeoutMs: PATIENCE_MS,
      // Or the process of the tests would wait for the connection's end.
      idleConnectionTimeoutMs: 1_000,
    });
    this.#testing = createClient(Testing, transport);
    this.#admin = createClient(Admin, transport);
  }

  // ---- its time

  /** What time it is at the host. It stands still until it is moved. */
  async now(): Promise<Date> {
    return date((await this.#testing.getClock({})).now);
  }

  /** Moves the host's time on. Alarms that were due have run by then, and are durable. */
  async advance(milliseconds: number): Promise<Date> {
    const by = create(DurationSchema, {
      seconds: BigInt(Math.floor(milliseconds / 1_000)),
      nanos: (milliseconds % 1_000) * 1_000_000,
    });
    return date((await this.#testing.advanceClock({ how: { case: "by", value: by } })).now);
  }

  // ---- its commits and connections

  /** Makes the next commit fail: its stubs break with `OBJECT_RESET`. */
  async failNextCommit(): Promise<void> {
    await this.#testing.failNextCommit({});
  }

  /** Lets nothing become durable until `releaseCommits`. */
  async holdCommits(): Promise<void> {
    await this.#testing.holdCommits({});
  }

  /** Lets what was held become durable. */
  async releaseCommits(): Promise<void> {
    await this.#testing.releaseCommits({});
  }

  /** Makes the next commit durable, and the fate of its calls unknown to their clients. */
  async loseCommitAnswer(): Promise<void> {
    await this.#testing.loseCommitAnswer({});
  }

  /** Cuts every connection to the host but this one. */
  async dropConnections(): Promise<void> {
    await this.#testing.dropConnections({});
  }

  // ---- its objects

  /** Breaks the stub of the next call of an object, before it runs. */
  async breakNextCall(namespace: string, name: string, reason: string): Promise<void> {
    await this.#testing.breakNextCall({ object: object(namespace, name), reason });
  }

  /** Lets go of an object's instance; its stubs stay open. Says whether there was one. */
  async evict(namespace: string, name: string): Promise<boolean> {
    return (await this.#admin.evictObject({ object: object(namespace, name) })).evicted;
  }

  /** Runs an object's alarm now, whenever it is due. It has run then, and is durable. */
  async runAlarm(namespace: string, name: string): Promise<void> {
    await this.#admin.runAlarm({ object: object(namespace, name) });
  }

  /** Deletes all objects, and undoes what the methods above have set; the time stays. */
  async reset(): Promise<void> {
    await this.#testing.reset({});
  }

  /** Ends the host. May be called again. */
  async stop(): Promise<void> {
    await stopped(this.#process);
  }
}

function object(namespace: string, name: string) {
  return { namespace, which: { case: "name" as const, value: name } };
}

function date(time: Parameters<typeof timestampDate>[0] | undefined): Date {
  if (time === undefined) {
    throw new Error("the host has said no time, expected one");
  }
  return timestampDate(time);
}

/** Starts a host for tests, which has to be stopped. */
export async function startHost(options: TestHostOptions = {}): Promise<TestHost> {
  const jar = options.jar ?? process.env["SERIATIM_JAR"];
  if (jar === undefined || jar === "") {
    throw new Error("SERIATIM_JAR is not set, expected the path of the server's jar");
  }
  const line = ["-jar", jar, "serve", "--test", "--listen", "127.0.0.1:0", ...(options.options ?? [])];
  const started = spawn(java(), line, {
    // What is named SERIATIM_ in the environment would be an option of the server.
    env: Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith("SERIATIM_"))),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said: string[] = [];
  try {
    return new TestHost(started, await listening(started, started.stdout, started.stderr, said));
  } catch (thrown) {
    await stopped(started);
    throw new Error(`${java()} ${line.join(" ")} ended without listening, and said:\n${said.join("\n")}`, {
      cause: thrown,
    });
  }
}

/** Where it listens; what else it says goes on being read, or it would be held up by that. */
function listening(started: ChildProcess, out: Readable, err: Readable, said: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let target: string | undefined;
    for (const output of [out, err]) {
      createInterface({ input: output }).on("line", (text) => {
        if (target === undefined) {
          said.push(text);
        }
        if (text.startsWith(LISTENING)) {
          target = text.slice(LISTENING.length);
          resolve(target);
        }
      });
    }
    started.once("error", reject);
    started.once("close", (code) => {
      reject(new Error(`it ended with ${String(code)}`));
    });
  });
}

async function stopped(started: ChildProcess): Promise<void> {
  if (started.pid === undefined || started.exitCode !== null || started.signalCode !== null) {
    return;
  }
  const ended = once(started, "exit");
  const late = setTimeout(() => started.kill("SIGKILL"), PATIENCE_MS);
  started.kill("SIGTERM");
  await ended;
  clearTimeout(late);
}

function java(): string {
  for (const name of ["JAVA25_HOME", "JAVA_HOME"]) {
    const home = process.env[name];
    if (home !== undefined && home !== "") {
      return join(home, "bin", "java");
    }
  }
  return "java";
}
