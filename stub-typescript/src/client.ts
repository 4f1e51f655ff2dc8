import type { Transport } from "@connectrpc/connect";
import type { Connection } from "./connection.js";
import type { ClientOptions } from "./options.js";

/** What all namespaces and stubs of one client share. */
export interface Client {
  readonly transport: Transport;
  readonly options: Required<ClientOptions>;

  /** What carries the transport; undefined if the transport is the caller's own. */
  readonly connection: Connection | undefined;

  /** Says once that a stub was dropped that is open: this one. */
  warnOfDropped(stub: string): void;
}
