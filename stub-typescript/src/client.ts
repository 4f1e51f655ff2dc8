import type { Transport } from "@connectrpc/connect";
import type { Connection } from "./connection.js";
import type { Carried, Link } from "./link.js";
import type { ClientOptions } from "./options.js";

/** The way to the host. */
export interface Wire {
  readonly transport: Transport;

  /** What carries the transport; undefined if the transport is the caller's own. */
  readonly connection: Connection | undefined;
}

/** What all namespaces and stubs of one client share. */
export interface Client extends Wire {
  readonly options: Required<ClientOptions>;

  /** Begins to carry a session to the host. */
  carry(session: Carried): Link;

  /** Says once that a stub was dropped that is open: this one. */
  warnOfDropped(stub: string): void;
}
