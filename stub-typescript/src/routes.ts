import { Code } from "@connectrpc/connect";
import type { Access } from "./client.js";
import { Reasons, type FailureCause } from "./failure.js";
import type { Opened } from "./gen/seriatim/v1/durable_objects_pb.js";
import { RouteTable } from "./route-table.js";
import { warn } from "./warn.js";

/** Where a client's stubs are opened that follows what hosts say: what is known of that, and the connections it takes. */
export class Routes {
  readonly #accessTo: (address: string) => Access;
  readonly #table: RouteTable;
  /** By address: those that a hint or a stub needs, once a stub was opened there. */
  readonly #accesses = new Map<string, Access>();
  #isClosed = false;

  /** @param accessTo makes the way to the host at an address */
  constructor(limit: number, accessTo: (address: string) => Access) {
    this.#table = new RouteTable(limit);
    this.#accessTo = accessTo;
  }

  /**
   * Where to open a stub, which then counts as open there until it has {@link ended}; undefined, if that is where it would
   * be opened without routes.
   */
  open(path: string, id: string | undefined): { address: string; access: Access } | undefined {
    const address = this.#isClosed ? undefined : this.#table.open(path, id);
    if (address === undefined) {
      return undefined;
    }
    try {
      const access = this.#accesses.get(address) ?? this.#accessTo(address);
      this.#accesses.set(address, access);
      return { address, access };
    } catch (thrown) {
      warn(`there is no way to '${address}', where a host says that objects are`, thrown);
      this.distrust(address);
      this.ended(address);
      return undefined;
    }
  }

  /** A stub is open: elsewhere, if that was by a route. */
  opened(path: string | undefined, { id, route }: Opened, elsewhere: boolean): void {
    if (route === undefined) {
      if (!elsewhere) {
        this.#table.forget(id);
      }
    } else if (!this.#isClosed) {
      this.#table.learn(path, id, route.address, route.prefixBits);
    }
    this.#closeUnused();
  }

  /** A stub that was opened here has failed in a way that speaks against the route. */
  distrust(address: string): void {
    this.#table.forgetAddress(address);
  }

  /** A stub is over that was opened here. */
  ended(address: string): void {
    this.#table.ended(address);
    this.#closeUnused();
  }

  /**
   * Opens nothing any more.
   *
   * @param now whether stubs that are open break; otherwise they go on
   */
  close(now: boolean): void {
    this.#isClosed = true;
    for (const address of this.#accesses.keys()) {
      this.#table.forgetAddress(address);
    }
    this.#closeUnused();
    if (now) {
      for (const access of this.#accesses.values()) {
        access.close();
      }
    }
  }

  #closeUnused(): void {
    for (const address of this.#table.takeUnused()) {
      this.#accesses.get(address)?.close();
      this.#accesses.delete(address);
    }
  }
}

/** What one stub has to do with the routes of its client. */
export class StubRoute {
  readonly #routes: Routes;
  readonly #path: string;
  readonly #id: string | undefined;
  #address: string | undefined;
  #isOpened = false;

  /**
   * @param path the namespace and the name
   * @param id the object's id, if it is known without asking anyone
   */
  constructor(routes: Routes, path: string, id: string | undefined) {
    this.#routes = routes;
    this.#path = path;
    this.#id = id;
  }

  /** Where to open the stub, at its first call and each time that it is resumed; undefined if that is where it would be anyway. */
  begin(): Access | undefined {
    const route = this.#routes.open(this.#path, this.#id);
    this.#isOpened = false;
    this.#address = route?.address;
    return route?.access;
  }

  opened(by: Opened): void {
    this.#isOpened = true;
    this.#routes.opened(this.#id === undefined ? this.#path : undefined, by, this.#address !== undefined);
  }

  /** The stub breaks or loses its connection, of which nobody has been told yet. */
  broke(cause: FailureCause): void {
    if (this.#address !== undefined && this.#speaksAgainst(cause)) {
      this.#routes.distrust(this.#address);
    }
  }

  /** Whether the next stub had better be opened elsewhere. */
  #speaksAgainst({ reason, code }: FailureCause): boolean {
    switch (reason) {
      case Reasons.STUB_CANCELLED:
        return false;
      case Reasons.CONNECTION_LOST:
      case Reasons.HOST_VIOLATION:
        return true;
      default:
        return !this.#isOpened || code === Code.Unavailable;
    }
  }

  /** The stub, or its connection, is over. Told behind {@link broke}. */
  ended(): void {
    const address = this.#address;
    this.#address = undefined;
    if (address !== undefined) {
      this.#routes.ended(address);
    }
  }
}
