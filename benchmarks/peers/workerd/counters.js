// What runs in workerd: the counter as a Durable Object, in memory and durable, and a worker in front of them.
import { DurableObject } from "cloudflare:workers";
import { RpcTarget, newWorkersRpcResponse } from "capnweb";

// What a caller outside gets: Cap'n Web passes an RpcTarget by reference, and a Durable Object isn't one.
class Counting extends RpcTarget {
  #counter;

  constructor(counter) {
    super();
    this.#counter = counter;
  }

  increment(amount) {
    return this.#counter.increment(amount);
  }
}

export class Counter extends DurableObject {
  #value = 0;

  increment(amount) {
    this.#value += amount;
    return this.#value;
  }

  // The WebSocket's session ends in the object itself, so that a call has no other worker on its way.
  fetch(request) {
    return newWorkersRpcResponse(request, new Counting(this));
  }
}

export class DurableCounter extends DurableObject {
  // Answered when it is durable: workerd holds the answer back until the write is committed.
  increment(amount) {
    const value = (this.ctx.storage.kv.get("value") ?? 0) + amount;
    this.ctx.storage.kv.put("value", value);
    return value;
  }

  fetch(request) {
    return newWorkersRpcResponse(request, new Counting(this));
  }
}

// Makes so many calls from within, so many of them in flight.
async function callFromInside(counter, calls, inFlight) {
  let left = calls;
  const keepOneInFlight = async () => {
    while (left-- > 0) {
      await counter.increment(1);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, keepOneInFlight));
}

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const counter = env[pathname.slice(1)].getByName("bench");
    if (request.headers.has("Upgrade")) {
      return counter.fetch(request);
    }
    await callFromInside(counter, Number(searchParams.get("calls")), Number(searchParams.get("inFlight")));
    return new Response();
  },
};
