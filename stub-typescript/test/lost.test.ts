import assert from "node:assert/strict";
import { constants, createServer, type ServerHttp2Stream } from "node:http2";
import { createServer as createSocketServer, type AddressInfo, type Server } from "node:net";
import { describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { Counter } from "../examples/gen/seriatim/examples/v1/counter_pb.js";
import { CallFailure, Reasons, type ConnectOptions } from "../src/index.js";
import { DurableObjects } from "./client.js";
import { failureOf } from "./expect.js";

const { get } = Counter.method;

/** Every way in which a server can let go of a stream that isn't a status of its own. */
const DEATHS: Record<string, (stream: ServerHttp2Stream) => void> = {
  "the connection closed": (stream) => stream.session?.destroy(),
  "the connection reset": (stream) => {
    stream.session?.socket.resetAndDestroy();
  },
  "the connection given up with a GOAWAY": (stream) => {
    stream.session?.goaway(constants.NGHTTP2_INTERNAL_ERROR, 0);
  },
};
for (const code of [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "STREAM_CLOSED",
  "REFUSED_STREAM",
  "CANCEL",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
] as const) {
  DEATHS[`the stream reset with ${code}`] = (stream) => {
    stream.close(constants[`NGHTTP2_${code}`]);
  };
}

async function listening(server: Server | ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function failureAt(url: string, options?: ConnectOptions): Promise<CallFailure> {
  using objects = DurableObjects.connect(url, options);
  return await failureOf(objects.namespace("COUNTER").getByName("foo").call(get, {}));
}

describe("a lost connection has one code, and says how it was lost", () => {
  for (const [how, die] of Object.entries(DEATHS)) {
    for (const when of ["before an answer", "after headers"]) {
      test(`${how}, ${when}`, async () => {
        const server = createServer();
        server.on("stream", (stream: ServerHttp2Stream) => {
          stream.on("error", () => undefined);
          if (when === "after headers") {
            stream.respond({ ":status": 200, "content-type": "application/grpc+proto" });
          }
          stream.once("data", () => {
            die(stream);
          });
        });
        const failure = await failureAt(`http://127.0.0.1:${await listening(server)}`);
        assert.equal(failure.reason, Reasons.CONNECTION_LOST);
        assert.equal(failure.code, Code.Unavailable, failure.message);
        assert(failure.retryable && !failure.remote);
        assert.notEqual(failure.failureCause.message, "");
        await new Promise((resolve) => server.close(resolve));
      });
    }
  }

  test("nobody listens, at one address or at several", async () => {
    const server = createSocketServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    for (const host of ["127.0.0.1", "localhost"]) {
      const failure = await failureAt(`http://${host}:${port}`);
      assert.equal(failure.code, Code.Unavailable);
      assert.match(
        failure.rawMessage,
        new RegExp(`ECONNREFUSED.*:${port}.*\\[CONNECTION_LOST, call 1, NOT_EXECUTED\\]`),
      );
    }
  });

  test("nobody has that name", async () => {
    const failure = await failureAt("http://nobody.invalid:7070");
    assert.equal(failure.code, Code.Unavailable);
    assert.match(failure.rawMessage, /nobody\.invalid/);
  });

  test("who listens doesn't speak HTTP/2, or no TLS", async () => {
    const server = createSocketServer((socket) => {
      socket.on("error", () => undefined);
      socket.resume().end("SSH-2.0-OpenSSH_9.6\r\n");
    });
    const port = await listening(server);
    for (const scheme of ["http", "https"]) {
      const failure = await failureAt(`${scheme}://127.0.0.1:${port}`);
      assert.equal(failure.code, Code.Unavailable, failure.message);
      assert.notEqual(failure.failureCause.message, "");
    }
    await new Promise((resolve) => server.close(resolve));
  });
});
