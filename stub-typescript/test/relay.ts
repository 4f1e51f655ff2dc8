import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A way to a server on loopback that can be cut. */
export class Relay implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((client) => {
    this.connections++;
    const server = connect(this.#target.port, this.#target.host);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined); // It closes, too.
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  readonly #target: { host: string; port: number };
  /** How many connections were made by it. */
  connections = 0;

  private constructor(target: string) {
    const { hostname, port } = new URL(`http://${target}`);
    this.#target = { host: hostname, port: Number(port) };
  }

  /** Leads to HOST:PORT. */
  static async to(target: string): Promise<Relay> {
    const relay = new Relay(target);
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Cuts all connections that there are. */
  cut(): void {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.cut();
    });
  }
}
