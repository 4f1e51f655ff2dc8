import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";

/** Where plain text doesn't leave the machine. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** What a header can't have. */
const INVISIBLE = /[^\x21-\x7e]/;

/**
 * Says who calls, by a bearer token in the header `authorization`, which is fetched anew for each gRPC call that is opened:
 * for each stub that has a call of its own, for each connection of a resumable one, for each shared call, and for each call
 * without a stub.
 *
 * ```ts
 * const objects = DurableObjects.connect("https://objects.example:7070", {
 *   interceptors: [bearer(() => tokens.current())],
 * });
 * ```
 *
 * The token goes wherever the client makes a connection: also, with {@link ClientOptions.followRoutes}, to the address that a
 * host has named, over the same TLS. To `http:` it is sent on loopback addresses only; anywhere else the call fails with
 * `Unauthenticated`, and the token isn't even fetched.
 *
 * @param fetch gives the token as it is now, without the word `Bearer`, or a promise of it. What takes long, such as to ask
 *     somebody for a token, had better be kept by it until shortly before it runs out. If it throws, the call fails with
 *     `Unavailable`, so that it is retryable; or with the `ConnectError` that it throws. What it throws is told to callers,
 *     so its message must not have the token
 */
export function bearer(fetch: () => string | Promise<string>): Interceptor {
  return (next) => async (request) => {
    const { protocol, hostname, host } = new URL(request.url);
    if (protocol !== "https:" && !LOOPBACK.test(hostname)) {
      const what = `a bearer token is sent over TLS only, or to a loopback address: ${host} is neither`;
      throw new ConnectError(what, Code.Unauthenticated);
    }
    request.header.set("authorization", `Bearer ${await fetched(fetch)}`);
    return next(request);
  };
}

async function fetched(fetch: () => string | Promise<string>): Promise<string> {
  try {
    return checked(await fetch());
  } catch (thrown) {
    if (thrown instanceof ConnectError) {
      throw thrown;
    }
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ConnectError(
      `no bearer token for the call: ${why}`,
      Code.Unavailable,
      undefined,
      undefined,
      thrown,
    );
  }
}

function checked(token: unknown): string {
  if (typeof token !== "string" || token === "") {
    throw new Error("there is none");
  }
  const at = token.search(INVISIBLE);
  if (at >= 0) {
    const code = token.charCodeAt(at).toString(16).toUpperCase().padStart(4, "0");
    throw new Error(`it has U+${code} at ${at}, expected visible ASCII`); // And nothing more of it.
  }
  return token;
}
