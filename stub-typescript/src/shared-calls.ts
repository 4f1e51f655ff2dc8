import type { Wire } from "./client.js";
import type { Carried, Link } from "./link.js";
import { ownCall } from "./own-call.js";
import { SharedCall, type SharedCallOptions } from "./shared-call.js";

/** The shared calls of one client, over which its sessions are spread in turn. */
export class SharedCalls {
  readonly #wire: Wire;
  readonly #ownWire: Wire;
  readonly #options: SharedCallOptions;
  readonly #count: number;
  readonly #calls = new Map<number, SharedCall>();
  #turn = 0;
  /** Whether the host is known to have no such calls. */
  #isUnserved = false;

  /** @param ownWire the way for calls of single sessions, if the host knows no others */
  constructor(wire: Wire, ownWire: Wire, count: number, options: SharedCallOptions) {
    this.#wire = wire;
    this.#ownWire = ownWire;
    this.#count = count;
    this.#options = options;
    wire.connection?.onGoingAway(() => {
      this.retire();
    });
  }

  /** Begins to carry a session. */
  carry(session: Carried): Link {
    if (this.#isUnserved) {
      return ownCall(this.#ownWire, session);
    }
    const turn = this.#turn;
    this.#turn = (turn + 1) % this.#count;
    const call = this.#calls.get(turn);
    return (call === undefined || call.isRetired ? this.#begin(turn) : call).carry(session);
  }

  #begin(turn: number): SharedCall {
    const call: SharedCall = new SharedCall(this.#wire, this.#ownWire, this.#options, (isUnserved) => {
      this.#isUnserved ||= isUnserved;
      if (this.#calls.get(turn) === call) {
        this.#calls.delete(turn);
      }
    });
    this.#calls.set(turn, call);
    return call;
  }

  /** Has other sessions carried by new calls, and those that there are end with their last session. */
  retire(): void {
    for (const call of this.#calls.values()) {
      call.retire();
    }
    this.#calls.clear();
  }
}
