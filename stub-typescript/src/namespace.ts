import type { Client } from "./client.js";
import { checkName, DurableObjectId, InvalidIdError } from "./ids.js";
import { NamespaceIds } from "./namespace-ids.js";
import { DurableObjectStub } from "./stub.js";

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
  readonly #ids: NamespaceIds;
  readonly #isResumable: boolean;

  /** The name of the namespace. */
  readonly name: string;

  /** @internal Namespaces are got from {@link DurableObjects}. */
  constructor(client: Client, name: string, ids: NamespaceIds, isResumable: boolean) {
    this.#client = client;
    this.name = name;
    this.#ids = ids;
    this.#isResumable = isResumable;
  }

  /** @internal The namespace whose stubs end with their connections. */
  static of(client: Client, name: string, uniqueKey?: string): DurableObjectNamespace {
    if (name === "") {
      throw new RangeError("namespace is empty, expected a name");
    }
    return new DurableObjectNamespace(client, name, new NamespaceIds(client, name, uniqueKey), false);
  }

  /**
   * The same namespace, whose stubs outlive their connections to the host. When one is lost, because of the network, a
   * restart of the host or a move of the object, such a stub opens the next one by itself and goes on where it was, and
   * nobody notices but by the time that it takes. No call is executed twice that wrote something: the host keeps the
   * outcomes that the client hasn't got.
   *
   * What a break of such a stub leaves `UNKNOWN` is what was given up: since no host was found in time
   * ({@link ClientOptions.resumeTimeoutMs}), since the caller didn't wait, or since the host had forgotten
   * (`SESSION_EXPIRED`). Exceptions of the object and other faults break it as they break any stub. Calls made while there is
   * no connection wait in their order.
   *
   * A host that knows nothing of this serves its stubs as ordinary ones: {@link DurableObjectStub.isResumable} tells.
   *
   * How soon a connection is missed whose host is silent, {@link ConnectOptions.keepAliveTimeMs} decides: with these stubs a
   * shorter one is worthwhile.
   */
  resumable(): DurableObjectNamespace {
    return this.#isResumable ? this : new DurableObjectNamespace(this.#client, this.name, this.#ids, true);
  }

  /**
   * A new stub on the object with this name. Doesn't need the unique key.
   *
   * @throws InvalidIdError if the name isn't 1 to 1,024 bytes of UTF-8
   */
  getByName(objectName: string): DurableObjectStub {
    checkName(objectName);
    const known = this.#client.routes && this.#ids.known?.fromName(objectName);
    return this.#stub(objectName, undefined, known);
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
    const { known } = this.#ids;
    const maker = DurableObjectId.makerOf(id).namespace;
    const isOfSibling = maker?.client === this.#client && maker.name !== this.name;
    if (known === undefined ? isOfSibling : !known.fit(id)) {
      const from = maker === undefined ? "another namespace" : `namespace '${maker.name}'`;
      throw new InvalidIdError(
        `id '${id.toString()}' is of ${from}, expected one of namespace '${this.name}'`,
      );
    }
    return this.#stub(known === undefined ? undefined : id.name, id, id);
  }

  #stub(
    openedName: string | undefined,
    id: DurableObjectId | undefined,
    knownId: DurableObjectId | undefined,
  ): DurableObjectStub {
    return new DurableObjectStub(this, this.#client, this.#isResumable, openedName, id, knownId);
  }

  /**
   * The id of the object with this name; the same for ever.
   *
   * @returns a promise that rejects with an InvalidIdError if the name isn't 1 to 1,024 bytes of UTF-8
   */
  async idFromName(objectName: string): Promise<DurableObjectId> {
    checkName(objectName);
    return (await this.#ids.derivation()).fromName(objectName);
  }

  /**
   * The id that these 64 digits show.
   *
   * @returns a promise that rejects with an InvalidIdError if it isn't 64 lower-case hex digits, or is the id of
   *     another namespace
   */
  async idFromString(hex: string): Promise<DurableObjectId> {
    return (await this.#ids.derivation()).fromString(hex);
  }

  /** A new id that no one else has. */
  async newUniqueId(): Promise<DurableObjectId> {
    return (await this.#ids.derivation()).newUniqueId();
  }

  toString(): string {
    return `DurableObjectNamespace[${this.name}]`;
  }
}
