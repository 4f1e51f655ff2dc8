// Says who calls: by a certificate of the client, and by a token that is fetched anew for each gRPC call that is opened.
import { readFileSync } from "node:fs";
import { bearer, DurableObjects } from "@seriatim/stub";

/** Connects to a host that asks for both. */
export function connect(url: string, currentToken: () => string | Promise<string>): DurableObjects {
  return DurableObjects.connect(url, {
    nodeOptions: {
      ca: readFileSync("ca.pem"),
      cert: readFileSync("client.pem"), // This and the key, if the host wants a certificate of the client.
      key: readFileSync("client.key"),
    },
    interceptors: [bearer(currentToken)],
  });
}
