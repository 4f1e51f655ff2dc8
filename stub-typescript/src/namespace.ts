import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  DurableObjects as Contract,
  type DescribeNamespaceResponse,
} from "./gen/seriatim/v1/durable_objects_pb.js";
import type { Client } from "./client.js";
import { checkName, DurableObjectId, DurableObjectIds, InvalidIdError } from "./ids.js";
import { DurableObjectStub } from "./stub.js";

/** How far apart two clocks of one machine may be when they measure the same wait. */
const TIMER_SLACK_MS = 10;

/**
 * A class of durable objects, such as `COUNTER`: gives stubs on its objects, and their ids.
 *
 * Getting a stub never talks to the host. The ids need the namespace's unique key, unless it was given to
 * {@link DurableObjects.namespace}: the first method that needs it asks the host for it, for up to
 * {@link ClientOptions.describeTimeoutMs}; it is then known for good. If the asking fails, that method
 * rejects with a `ConnectError`, and the next one asks again.
 */
export class DurableObjectNamespace {
  readonly #client: Client;
  #ids: Promise<DurableObjectIds> | undefined;
  /** The same, once it is known. */
  #known: DurableObjectIds | undefined;

  /** The name of the namespace. */
  readonly name: string;

  /** @internal Namespaces are got from {@link DurableObjects}. */
  constructor(client: Client, name: string, uniqueKey?: string) {
    if (name === "") {
      throw new RangeError("namespace is empty, expected a name");
    }
    this.#client = client;
    this.name = name;
    if (uniqueKey !== undefined) {
      this.#ids = Promise.resolve(this.#learn(uniqueKey));
    }
  }

  /**
   * A new stub on the object with this name. Doesn't need the unique key.
   *
   * @throws InvalidIdError if the name isn't 1 to 1,024 bytes of UTF-8
   */
  getByName(objectName: string): DurableObjectStub {
    checkName(objectName);
    const known = this.#client.routes && this.#known?.fromName(objectName);
    return new DurableObjectStub(this, this.#client, objectName, undefined, known);
  }

  /**
   * A new stub on the object with this id. If the id knows its name, the object is opened by that name, and so learns it;
   * but by the id, as long as it isn't known whether this namespace has the unique key that the id was made with.
   *
   * @throws InvalidIdError, and nothing is sent, if the id is certainly another namespace's: if it doesn't fit this one's
   *     unique key, where that is known, or if a namespace of another name of the same client made it. The host refuses any
   *     other that isn't this namespace's.
   */
  get(id: DurableObjectId): DurableObjectStub {
    const known = this.#known;
    const maker = DurableObjectId.makerOf(id).namespace;
    const isOfSibling = maker?.client === this.#client && maker.name !== this.name;
    if (known === undefined ? isOfSibling : !known.fit(id)) {
      const from = maker === undefined ? "another namespace" : `namespace '${maker.name}'`;
      throw new InvalidIdError(
        `id '${id.toString()}' is of ${from}, expected one of namespace '${this.name}'`,
      );
    }
    return new DurableObjectStub(this, this.#client, known === undefined ? undefined : id.name, id, id);
  }

  /**
   * The id of the object with this name; the same for ever.
   *
   * @returns a promise that rejects with an InvalidIdError if the name isn't 1 to 1,024 bytes of UTF-8
   */
  async idFromName(objectName: string): Promise<DurableObjectId> {
    checkName(objectName);
    return (await this.#derivation()).fromName(objectName);
  }

  /**
   * The id that these 64 digits show.
   *
   * @returns a promise that rejects with an InvalidIdError if it isn't 64 lower-case hex digits, or is the id of
   *     another namespace
   */
  async idFromString(hex: string): Promise<DurableObjectId> {
    return (await this.#derivation()).fromString(hex);
  }

  /** A new id that no one else has. */
  async newUniqueId(): Promise<DurableObjectId> {
    return (await this.#derivation()).newUniqueId();
  }

  toString(): string {
    return `DurableObjectNamespace[${this.name}]`;
  }

  /** Asks once, however many wait for it. */
  #derivation(): Promise<DurableObjectIds> {
    this.#ids ??= this.#fetch().catch((thrown: unknown) => {
      this.#ids = undefined;
      throw thrown;
    });
    return this.#ids;
  }

  async #fetch(): Promise<DurableObjectIds> {
    const { name, uniqueKey } = await this.#describe();
    if (name !== this.name || uniqueKey === "") {
      throw new ConnectError(
        `the host described namespace '${name}' with unique key '${uniqueKey}', ` +
          `expected namespace '${this.name}' and a key`,
        Code.Internal,
      );
    }
    return this.#learn(uniqueKey);
  }

  #learn(uniqueKey: string): DurableObjectIds {
    this.#known = DurableObjectIds.of({ name: this.name, client: this.#client }, uniqueKey);
    return this.#known;
  }

  async #describe(): Promise<DescribeNamespaceResponse> {
    const timeoutMs = this.#client.options.describeTimeoutMs;
    const asked = performance.now();
    this.#client.connection?.hold();
    try {
      return await createClient(Contract, this.#client.transport).describeNamespace(
        { name: this.name },
        { timeoutMs },
      );
    } catch (thrown) {
      // A host knows of the timeout too, and resets the call when it passes: sometimes before our own timer runs.
      const error = ConnectError.from(thrown);
      if (error.code === Code.Canceled && performance.now() - asked >= timeoutMs - TIMER_SLACK_MS) {
        throw new ConnectError(
          `the host did not describe namespace '${this.name}' within ${timeoutMs} ms`,
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
