import { createHash, createHmac, randomBytes } from "node:crypto";

const HALF = 16;
const MAX_NAME_BYTES = 1024;
const ID_DIGITS = /^[0-9a-f]{64}$/;

/** The id of one durable object: 32 bytes, shown as 64 lower-case hex digits. Immutable. */
export class DurableObjectId {
  readonly #hex: string;

  /** The object's name, if this id was made from it. */
  readonly name: string | undefined;

  private constructor(hex: string, name: string | undefined) {
    this.#hex = hex;
    this.name = name;
  }

  /** @internal Ids are made by a {@link DurableObjectNamespace} or by {@link DurableObjectIds}. */
  static checked(hex: string, name?: string): DurableObjectId {
    return new DurableObjectId(hex, name);
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

  /**
   * The ids of the namespace that has this unique key.
   *
   * @throws RangeError if the key is empty or not valid Unicode
   */
  constructor(uniqueKey: string) {
    if (uniqueKey === "") {
      throw new RangeError("unique key is empty, expected at least one character");
    }
    checkUnicode("unique key", uniqueKey);
    this.#key = createHash("sha256").update(uniqueKey, "utf8").digest();
  }

  /**
   * The id of the object with this name; the same for ever.
   *
   * @throws RangeError if the name isn't 1 to 1,024 bytes of UTF-8
   */
  fromName(name: string): DurableObjectId {
    checkName(name);
    return DurableObjectId.checked(this.#withCheck(this.#hmac(Buffer.from(name, "utf8"))), name);
  }

  /**
   * The id that these digits show.
   *
   * @throws RangeError if it isn't 64 lower-case hex digits, or is the id of another namespace
   */
  fromString(hex: string): DurableObjectId {
    if (!isIdDigits(hex)) {
      throw new RangeError(`id '${abbreviate(hex)}', expected 64 lower-case hex digits`);
    }
    if (hex !== this.#withCheck(Buffer.from(hex, "hex").subarray(0, HALF))) {
      throw new RangeError(`id '${hex}' belongs to another namespace`);
    }
    return DurableObjectId.checked(hex);
  }

  /** A new id that no one else has. */
  newUniqueId(): DurableObjectId {
    return DurableObjectId.checked(this.#withCheck(randomBytes(HALF)));
  }

  #withCheck(base: Buffer): string {
    return base.toString("hex") + this.#hmac(base).toString("hex");
  }

  #hmac(data: Buffer): Buffer {
    return createHmac("sha256", this.#key).update(data).digest().subarray(0, HALF);
  }
}

/** Throws a RangeError if an object can't have this name. */
export function checkName(name: string): void {
  checkUnicode("name", name);
  const length = Buffer.byteLength(name, "utf8");
  if (length < 1 || length > MAX_NAME_BYTES) {
    throw new RangeError(`name has ${length} bytes, expected 1 to ${MAX_NAME_BYTES}`);
  }
}

export function isIdDigits(hex: string): boolean {
  return ID_DIGITS.test(hex);
}

function checkUnicode(what: string, text: string): void {
  if (!text.isWellFormed()) {
    throw new RangeError(`${what} is not valid Unicode: it has half of a surrogate pair`);
  }
}

function abbreviate(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
