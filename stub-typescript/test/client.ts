import type { Transport } from "@connectrpc/connect";
import { DurableObjects as Library, type ConnectOptions, type TransportOptions } from "../src/index.js";

/** How many shared calls the clients of the tests have, if they don't say: the tests run with 0 and with 1. */
export const SHARED_CALLS = Number(process.env["SERIATIM_SHARED_CALLS"] ?? 0);

export type DurableObjects = Library;

/** The library's way in, with shared calls if the tests run so. */
export const DurableObjects = {
  on(transport: Transport, options: TransportOptions = {}): Library {
    return Library.on(transport, { sharedCalls: SHARED_CALLS, ...options });
  },

  connect(url: string, options: ConnectOptions = {}): Library {
    return Library.connect(url, { sharedCalls: SHARED_CALLS, ...options });
  },
};
