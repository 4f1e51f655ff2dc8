import { Code } from "@connectrpc/connect";
import { createHash, createHmac, randomBytes } from "node:crypto";

const HALF = 16;
const MAX_NAME_BYTES = 1024;
const ID_DIGITS = /^[0-9a-f]{64}$/;

/** What an id or a name fails with that can't be one of its namespace. It breaks nothing. */
export class InvalidIdError extends RangeError {
  override readonly name = "InvalidIdError";

  /** The reason that a host gives for the same. */
  readonly reason = "INVALID_ID";
  readonly code = Code.InvalidArgument;
}

/** A namespace, as one of a client. */
interface OfClient {
  readonly name: string;
  readonly client: object;
}

/** The id of one durable object: 32 bytes, shown as 64 lower-case hex digits. Immutable. */
export class DurableObjectId {
  readonly #hex: string;

  /** The object's name, if this id was made from it. */
  readonly name: string | undefined;

  readonly #maker: DurableObjectIds;

  private constructor(hex: string, maker: DurableObjectIds, name: string | undefined) {
    this.#hex = hex;
    this.#maker = maker;
    this.name = name;
  }

  /** @internal Ids are made by a {@link DurableObjectNamespace} or by {@link DurableObjectIds}. */
  static checked(hex: string, maker: DurableObjectIds, name?: string): DurableObjectId {
    return new DurableObjectId(hex, maker, name);
  }

  /** @internal Whose id it is. */
  static makerOf(id: DurableObjectId): DurableObjectIds {
    return id.#maker;
  }

  /** Whether both are the id of the same object. The name doesn't count. */
  equals(other: DurableObjectId): boolean {
    return this.#hex === other.#hex;
  }

  /** 64 lower-case hex digits. */
  toString(): string {
    return this.#hex;
  }

  /** The same, so that an id in a JSON document is its digits. */
  toJSON(): string {
    return this.#hex;
  }
}

/**
 * Makes and checks the ids of one namespace. Needs nothing but the namespace's unique key, and no
 * connection: every client and every host derives the same ids.
 *
 * An id is a base of 16 bytes, followed by a check of 16 bytes that only this namespace's key gives.
 */
export class DurableObjectIds {
  readonly #key: Buffer;

  #namespace: OfClient | undefined;

  /**
   * The ids of the namespace that has this unique key.
   *
   * @throws RangeError if the key is empty or not valid Unicode
   */
  constructor(uniqueKey: string) {
    if (uniqueKey === "") {
      throw new RangeError("unique key is empty, expected at least one character");
    }
    if (!uniqueKey.isWellFormed()) {
      throw new RangeError(halfPair("unique key"));
    }
    this.#key = createHash("sha256").update(uniqueKey, "utf8").digest();
  }

  /**
   * The id of the object with this name; the same for ever.
   *
   * @throws InvalidIdError if the name isn't 1 to 1,024 bytes of UTF-8
   */
  fromName(name: string): DurableObjectId {
    checkName(name);
    return DurableObjectId.checked(this.#withCheck(this.#hmac(Buffer.from(name, "utf8"))), this, name);
  }

  /**
   * The id that these digits show.
   *
   * @throws InvalidIdError if it isn't 64 lower-case hex digits, or is the id of another namespace
   */
  fromString(hex: string): DurableObjectId {
    if (!isIdDigits(hex)) {
      throw new InvalidIdError(`id '${abbreviate(hex)}', expected 64 lower-case hex digits`);
    }
    if (!this.#isCheckOf(hex)) {
      const here = this.#namespace === undefined ? "this one" : `namespace '${this.#namespace.name}'`;
      throw new InvalidIdError(`id '${hex}' is of another namespace, expected one of ${here}`);
    }
    return DurableObjectId.checked(hex, this);
  }

  /** A new id that no one else has. */
  newUniqueId(): DurableObjectId {
    return DurableObjectId.checked(this.#withCheck(randomBytes(HALF)), this);
  }

  /** @internal The ids of a namespace of a client. */
  static of(namespace: OfClient, uniqueKey: string): DurableObjectIds {
    const ids = new DurableObjectIds(uniqueKey);
    ids.#namespace = namespace;
    return ids;
  }

  /** @internal The namespace whose ids these are; undefined if they were made without a client. */
  get namespace(): OfClient | undefined {
    return this.#namespace;
  }

  /** @internal Whether an id is one of these. */
  fit(id: DurableObjectId): boolean {
    return DurableObjectId.makerOf(id).#key.equals(this.#key) || this.#isCheckOf(id.toString());
  }

  #isCheckOf(hex: string): boolean {
    return hex === this.#withCheck(Buffer.from(hex, "hex").subarray(0, HALF));
  }

  #withCheck(base: Buffer): string {
    return base.toString("hex") + this.#hmac(base).toString("hex");
  }

  #hmac(data: Buffer): Buffer {
    return createHmac("sha256", this.#key).update(data).digest().subarray(0, HALF);
  }
}

/** Throws an InvalidIdError if an object can't have this name. */
export function checkName(name: string): void {
  if (!name.isWellFormed()) {
    throw new InvalidIdError(halfPair("name"));
  }
  const length = Buffer.byteLength(name, "utf8");
  if (length < 1 || length > MAX_NAME_BYTES) {
    throw new InvalidIdError(`name has ${length} bytes, expected 1 to ${MAX_NAME_BYTES}`);
  }
}

export function isIdDigits(hex: string): boolean {
  return ID_DIGITS.test(hex);
}

function halfPair(what: string): string {
  return `${what} is not valid Unicode: it has half of a surrogate pair`;
}

function abbreviate(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
