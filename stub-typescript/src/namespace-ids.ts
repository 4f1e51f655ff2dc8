import { Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Client } from "./client.js";
import {
  DurableObjects as Contract,
  type DescribeNamespaceResponse,
} from "./gen/seriatim/v1/durable_objects_pb.js";
import { DurableObjectIds } from "./ids.js";

/** How far apart two clocks of one machine may be when they measure the same wait. */
const TIMER_SLACK_MS = 10;

/** How the ids of one namespace are made, which the host says if nobody else has. */
export class NamespaceIds {
  readonly #client: Client;
  readonly #name: string;
  #ids: Promise<DurableObjectIds> | undefined;
  #known: DurableObjectIds | undefined;

  constructor(client: Client, name: string, uniqueKey: string | undefined) {
    this.#client = client;
    this.#name = name;
    if (uniqueKey !== undefined) {
      this.#ids = Promise.resolve(this.#learn(uniqueKey));
    }
  }

  /** How they are made, if that is known. */
  get known(): DurableObjectIds | undefined {
    return this.#known;
  }

  /** Asks once, however many wait for it. */
  derivation(): Promise<DurableObjectIds> {
    this.#ids ??= this.#fetch().catch((thrown: unknown) => {
      this.#ids = undefined;
      throw thrown;
    });
    return this.#ids;
  }

  async #fetch(): Promise<DurableObjectIds> {
    const { name, uniqueKey } = await this.#describe();
    if (name !== this.#name || uniqueKey === "") {
      throw new ConnectError(
        `the host described namespace '${name}' with unique key '${uniqueKey}', ` +
          `expected namespace '${this.#name}' and a key`,
        Code.Internal,
      );
    }
    return this.#learn(uniqueKey);
  }

  #learn(uniqueKey: string): DurableObjectIds {
    this.#known = DurableObjectIds.of({ name: this.#name, client: this.#client }, uniqueKey);
    return this.#known;
  }

  async #describe(): Promise<DescribeNamespaceResponse> {
    const timeoutMs = this.#client.options.describeTimeoutMs;
    const asked = performance.now();
    this.#client.connection?.hold();
    try {
      return await createClient(Contract, this.#client.transport).describeNamespace(
        { name: this.#name },
        { timeoutMs },
      );
    } catch (thrown) {
      // A host knows of the timeout too, and resets the call when it passes: sometimes before our own timer runs.
      const error = ConnectError.from(thrown);
      if (error.code === Code.Canceled && performance.now() - asked >= timeoutMs - TIMER_SLACK_MS) {
        throw new ConnectError(
          `the host did not describe namespace '${this.#name}' within ${timeoutMs} ms`,
          Code.DeadlineExceeded,
          undefined,
          undefined,
          thrown,
        );
      }
      throw thrown;
    } finally {
      this.#client.connection?.release();
    }
  }
}
