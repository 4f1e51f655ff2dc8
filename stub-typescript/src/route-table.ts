const ID_BITS = 256;
const DIGIT_BITS = 4;

/** What an address is needed for. */
interface Use {
  hints: number;
  stubs: number;
}

/**
 * What a client knows of where objects are, and which addresses it needs for that. A hint says that the objects whose ids
 * begin with the same bits are at an address. The latest one counts; of those that are too many, the one goes that wasn't
 * used for longest. It has no connection and no timer.
 */
export class RouteTable {
  readonly #limit: number;
  /** Addresses by prefix; that first which wasn't used for longest. */
  readonly #hints = new Map<string, string>();
  /** Of how many bits the prefixes are, the longest first. */
  #widths: number[] = [];
  /** The ids of objects that were opened by name, likewise. */
  readonly #ids = new Map<string, string>();
  readonly #uses = new Map<string, Use>();
  #unused: string[] = [];

  /** @param limit how many hints it holds, and how many ids of names */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many hints there are. */
  get size(): number {
    return this.#hints.size;
  }

  /**
   * Where to open a stub on this object, which then counts as open there until it has {@link ended}; undefined if nothing
   * is known.
   *
   * @param path the namespace and the name, for whoever doesn't know the id
   */
  open(path: string, id: string | undefined): string | undefined {
    const known = id ?? touch(this.#ids, path);
    if (known === undefined) {
      return undefined;
    }
    for (const width of this.#widths) {
      const address = touch(this.#hints, prefixOf(known, width));
      if (address !== undefined) {
        this.#use(address).stubs++;
        return address;
      }
    }
    return undefined;
  }

  /** A stub is over that was opened here. */
  ended(address: string): void {
    this.#use(address).stubs--;
    this.#dropIfUnused(address);
  }

  /**
   * The host says that this object is there, and with it those whose ids begin with the same bits.
   *
   * @param path of an object whose id its opener didn't know
   * @param bits how many these are; 0 if it speaks of this object alone. More than an id has mean nothing, and neither
   *     does an empty address.
   */
  learn(path: string | undefined, id: string, address: string, bits: number): void {
    if (bits > ID_BITS || address === "") {
      return;
    }
    const width = bits === 0 ? ID_BITS : bits;
    this.#use(address).hints++; // First, so that it isn't unused in between.
    this.forget(id);
    this.#hints.set(prefixOf(id, width), address);
    if (this.#hints.size > this.#limit) {
      this.#remove(eldest(this.#hints));
    }
    this.#countWidths();
    if (path !== undefined) {
      this.#ids.delete(path);
      this.#ids.set(path, id);
      if (this.#ids.size > this.#limit) {
        this.#ids.delete(eldest(this.#ids));
      }
    }
  }

  /** The object is where stubs are opened without a hint. */
  forget(id: string): void {
    for (const width of this.#widths) {
      this.#remove(prefixOf(id, width));
    }
    this.#countWidths();
  }

  /** A stub that was opened here says that it wasn't a good idea. */
  forgetAddress(address: string): void {
    if ((this.#uses.get(address)?.hints ?? 0) === 0) {
      return;
    }
    for (const [prefix, there] of [...this.#hints]) {
      if (there === address) {
        this.#remove(prefix);
      }
    }
    this.#countWidths();
  }

  /** The addresses that no hint and no stub needs any more, since this was last asked. */
  takeUnused(): string[] {
    const unused = this.#unused.filter((address) => !this.#uses.has(address));
    this.#unused = [];
    return unused;
  }

  #remove(prefix: string): void {
    const address = this.#hints.get(prefix);
    if (address !== undefined) {
      this.#hints.delete(prefix);
      this.#use(address).hints--;
      this.#dropIfUnused(address);
    }
  }

  #countWidths(): void {
    const widths = new Set(Array.from(this.#hints.keys(), (prefix) => Number.parseInt(prefix, 10)));
    this.#widths = [...widths].sort((a, b) => b - a);
  }

  #use(address: string): Use {
    let use = this.#uses.get(address);
    if (use === undefined) {
      use = { hints: 0, stubs: 0 };
      this.#uses.set(address, use);
    }
    return use;
  }

  #dropIfUnused(address: string): void {
    const { hints, stubs } = this.#use(address);
    if (hints === 0 && stubs === 0) {
      this.#uses.delete(address);
      this.#unused.push(address);
    }
  }
}

/** The value, which is now the one that was used last. */
function touch(map: Map<string, string>, key: string): string | undefined {
  const value = map.get(key);
  if (value !== undefined) {
    map.delete(key);
    map.set(key, value);
  }
  return value;
}

function eldest(map: Map<string, string>): string {
  const [key = ""] = map.keys();
  return key;
}

/** The first bits of an id, behind how many they are. */
function prefixOf(id: string, bits: number): string {
  const whole = Math.floor(bits / DIGIT_BITS);
  const rest = bits % DIGIT_BITS;
  const digits = id.slice(0, whole);
  if (rest === 0) {
    return `${bits}/${digits}`;
  }
  const last = Number.parseInt(id.charAt(whole), 16) >> (DIGIT_BITS - rest);
  return `${bits}/${digits}${last.toString(16)}`;
}
