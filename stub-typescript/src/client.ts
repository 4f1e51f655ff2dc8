import type { Transport } from "@connectrpc/connect";
import type { Connection } from "./connection.js";
import type { Carried, Link } from "./link.js";
import type { ClientOptions } from "./options.js";
import type { Routes } from "./routes.js";

/** The way to the host. */
export interface Wire {
  readonly transport: Transport;

  /** What carries the transport; undefined if the transport is the caller's own. */
  readonly connection: Connection | undefined;
}

/** The way to the host, and what carries stubs there. */
export interface Access extends Wire {
  /** Begins to carry a session to the host. */
  carry(session: Carried): Link;

  /** Ends the connection, and what is on it; or only the calls that carry no stub, if the transport is the caller's own. */
  close(): void;
}

/** What all namespaces and stubs of one client share. Its own way is to the host that it was told to connect to. */
export interface Client extends Access {
  readonly options: Required<ClientOptions>;

  /** Where else stubs are opened; undefined, if nowhere. */
  readonly routes: Routes | undefined;

  /** Whether it was closed, and with it all of its connections, so that there are no more of them. */
  readonly isClosed: boolean;

  /** Who is to be told when that happens, since it has no connection at the moment. */
  readonly withoutConnection: Set<{ clientClosed(): void }>;

  /** Says once that a stub was dropped that is open: this one. */
  warnOfDropped(stub: string): void;
}
