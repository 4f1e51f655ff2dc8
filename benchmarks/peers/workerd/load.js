// Starts workerd, and puts loads on its counters. Prints "ready"; then each line of the standard input,
//
//   LOAD IN_FLIGHT WARM_UP_MILLIS MILLIS
//
// is a load to run, and is answered with a line: the calls per second and, where calls were made one at a time and
// timed, the percentiles 0 to 100 of their latency in microseconds. LOAD is `outside` (over a WebSocket with Cap'n Web)
// or `inside` (by a worker in the same workerd), or `durable-` and one of them. Ends when its standard input does.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { newWebSocketRpcSession } from "capnweb";
import { WebSocket } from "ws";

// Node has one of its own from version 22 on.
globalThis.WebSocket ??= WebSocket;

/** Starts workerd with its objects in this directory, and gives back its process and its host and port. */
async function startWorkerd(directory) {
  const platform = `${process.platform}-${process.arch === "x64" ? "64" : process.arch}`;
  const binary = createRequire(import.meta.url).resolve(`@cloudflare/workerd-${platform}/bin/workerd`);
  const workerd = spawn(
    binary,
    [
      "serve",
      join(import.meta.dirname, "config.capnp"),
      "--socket-addr=http=127.0.0.1:0",
      `--directory-path=data=${directory}`,
      "--control-fd=3",
    ],
    { stdio: ["ignore", "inherit", "inherit", "pipe"] },
  );
  workerd.once("exit", (status, signal) => {
    throw new Error(`workerd ended by itself (${signal ?? status})`);
  });
  for await (const line of createInterface({ input: workerd.stdio[3] })) {
    const { event, socket, port } = JSON.parse(line);
    if (event === "listen" && socket === "http") {
      return { workerd, address: `127.0.0.1:${port}` };
    }
  }
  throw new Error("workerd doesn't listen");
}

async function openCounter(address, namespace) {
  // Compression, which ws offers unless told otherwise, makes such short messages slower by far.
  const webSocket = new WebSocket(`ws://${address}/${namespace}`, { perMessageDeflate: false });
  await once(webSocket, "open");
  return newWebSocketRpcSession(webSocket);
}

/**
 * Each answer makes the next call, until the time is over. What counts begins and ends with a round, that is as many answers
 * as there are calls in flight: durable answers come in waves, and a wave of thousands may take longer than the whole time.
 */
async function callFromOutside(counter, inFlight, warmUpMillis, millis) {
  let answers = 0;
  let start;
  let end;
  const latencies = [];

  const begun = performance.now();
  const endRound = () => {
    const now = performance.now();
    if (start === undefined) {
      start = answers > inFlight && now - begun >= warmUpMillis ? { answers, millis: now } : undefined;
    } else if (end === undefined && now - start.millis >= millis) {
      end = { answers, millis: now };
    }
  };
  const keepOneInFlight = async () => {
    while (end === undefined) {
      const issued = performance.now();
      await counter.increment(1);
      answers++;
      if (inFlight === 1) {
        latencies.push(performance.now() - issued);
      }
      if (answers % inFlight === 0) {
        endRound();
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, keepOneInFlight));
  return {
    calls: answers,
    rate: ((end.answers - start.answers) * 1000) / (end.millis - start.millis),
    latencies: latencies.slice(start.answers, end.answers),
  };
}

/**
 * The clock of a worker stands still between its inputs and outputs, so it is told to make a number of calls, and timed
 * from here; again and again, until the time is over. The requests are long enough not to matter themselves.
 */
async function callFromInside(url, inFlight, warmUpMillis, millis) {
  const requestMillis = 200;
  let perMilli = 0;
  let total = 0;

  const request = async (calls) => {
    const start = performance.now();
    const response = await fetch(`${url}?calls=${calls}&inFlight=${inFlight}`);
    if (!response.ok) {
      throw new Error(`status ${response.status} from workerd, expected 200`);
    }
    await response.arrayBuffer();
    total += calls;
    perMilli = calls / (performance.now() - start);
  };
  const requests = async (forMillis) => {
    const start = performance.now();
    const totalBefore = total;
    do {
      await request(Math.max(inFlight, Math.ceil(perMilli * requestMillis)));
    } while (performance.now() - start < forMillis);
    return ((total - totalBefore) * 1000) / (performance.now() - start);
  };

  await request(Math.max(inFlight, 100));
  await requests(warmUpMillis);
  const rate = await requests(millis);
  return { calls: total, rate, latencies: [] };
}

/** The percentiles 0 to 100 in microseconds, if there are latencies. */
function percentiles(latencies) {
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (percent) => sorted[Math.floor((percent / 100) * (sorted.length - 1))] * 1000;
  return sorted.length > 0 ? Array.from({ length: 101 }, (_, percent) => at(percent)) : [];
}

const directory = mkdtempSync(join(tmpdir(), "seriatim-bench-workerd-"));
const { workerd, address } = await startWorkerd(directory);
process.once("exit", () => {
  workerd.kill("SIGKILL"); // It would wait for its WebSockets otherwise.
  rmSync(directory, { recursive: true });
});
process.once("SIGTERM", () => process.exit());

const counters = {
  memory: await openCounter(address, "memory"),
  durable: await openCounter(address, "durable"),
};
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [load, ...numbers] = line.split(" ");
  const [, durable, from] = /^(durable-)?(outside|inside)$/.exec(load) ?? [];
  if (from === undefined) {
    throw new Error(`load ${load}, expected outside, inside, durable-outside or durable-inside`);
  }
  const namespace = durable ? "durable" : "memory";
  const counter = counters[namespace];
  const before = await counter.increment(0);
  const { calls, rate, latencies } =
    from === "outside"
      ? await callFromOutside(counter, ...numbers.map(Number))
      : await callFromInside(`http://${address}/${namespace}`, ...numbers.map(Number));
  const counted = (await counter.increment(0)) - before;
  if (counted !== calls) {
    throw new Error(`the counter counted ${counted}, expected ${calls}`);
  }
  console.log([rate, ...percentiles(latencies)].map((number) => number.toFixed(1)).join(" "));
}
process.exit();
