"""Makes the calls of the benchmarks in Python, as it is told on its standard input.

usage: caller.py BARE HOST, each as HOST:PORT

benchmarks/README.md, at the top of the tree, says how. The API is that for asyncio, which is the faster one
with many calls in flight.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import cycle
from typing import Protocol

from benchmarks_pb2 import Payload
from benchmarks_pb2_grpc import BareStub, BenchStub
from grpc import aio

import seriatim

PAYLOAD = Payload(data=bytes(32))
OBJECTS = 1_000  # With a stub or a stream each.
NAMES = 10_000  # For a stub for each call.

REFERENCES = {  # The first calls, and streams; 0 for unary calls.
    "stream": (1, 1),
    "streams": (OBJECTS, OBJECTS),
    "unary": (1, 0),
}
LOADS = {  # The first calls; stubs, or 0 for one for each call; and shared calls.
    "stub": (1, 1, 0),
    "stubs": (OBJECTS, OBJECTS, 0),
    "lanes": (OBJECTS, OBJECTS, 1),
    "each": (NAMES, 0, 0),
    "each-lane": (NAMES, 0, 1),
}


class Load(Protocol):
    """Calls on one connection."""

    def send(self) -> None:
        """Makes one more call."""

    async def receive(self) -> None:
        """Waits for the answer to the oldest one."""


class BareStreams:
    """The reference: a message on a bidirectional stream for each call, on each stream in turn."""

    def __init__(self, channel: aio.Channel, count: int) -> None:
        self._requests: list[asyncio.Queue[Payload]] = [asyncio.Queue() for _ in range(count)]
        self._responses = [aiter(BareStub(channel).Stream(_taken(requests))) for requests in self._requests]
        self._sent = 0
        self._come = 0

    def send(self) -> None:
        """Sends a message."""
        self._requests[self._sent % len(self._requests)].put_nowait(PAYLOAD)
        self._sent += 1

    async def receive(self) -> None:
        """Waits for the next message."""
        await anext(self._responses[self._come % len(self._responses)])
        self._come += 1


async def _taken(requests: asyncio.Queue[Payload]) -> AsyncIterator[Payload]:
    while True:
        yield await requests.get()


class Calls:
    """Calls of generated stubs."""

    def __init__(self, call: Callable[[], Awaitable[Payload]]) -> None:
        self._call = call
        self._calls: deque[Awaitable[Payload]] = deque()

    def send(self) -> None:
        """Makes a call, and doesn't wait for it."""
        self._calls.append(self._call())

    async def receive(self) -> None:
        """Waits for the oldest call."""
        await self._calls.popleft()


def unary_calls(channel: aio.Channel) -> Calls:
    """The other reference: a unary call for each call."""
    bare = BareStub(channel)
    return Calls(lambda: bare.Unary(PAYLOAD))


def stub_calls(objects: seriatim.aio.DurableObjects, count: int) -> Calls:
    """Calls of a stub on each of so many objects, in turn."""
    namespace = objects.namespace("BENCH")
    stubs = cycle([BenchStub(namespace.get_by_name(f"bench-{n}").channel()) for n in range(count)])
    return Calls(lambda: next(stubs).Echo(PAYLOAD))


def stub_for_each_call(objects: seriatim.aio.DurableObjects) -> Calls:
    """Opens a stub for each call, and closes it."""
    namespace = objects.namespace("BENCH")
    names = cycle([f"bench-{n}" for n in range(NAMES)])

    def call() -> Awaitable[Payload]:
        stub = namespace.get_by_name(next(names))
        made = BenchStub(stub.channel()).Echo(PAYLOAD)
        stub.close()
        return made

    return Calls(call)


async def run(load: Load, seconds: float) -> list[float]:
    """Makes a call for each answer, for a time, and gives how long each took from the one before."""
    durations: list[float] = []
    now = time.perf_counter()
    end = now + seconds
    while now < end:
        await load.receive()
        load.send()
        answered = time.perf_counter()
        durations.append(answered - now)
        now = answered
    return durations


async def measure(load: Load, first: int, in_flight: int, warm_up_millis: int, millis: int) -> str:
    """Keeps so many calls in flight, when all there is to open has been opened by the first calls. Gives the
    answers in a second, and percentiles of single calls in µs.
    """
    for made in range(0, first, in_flight):
        some = min(in_flight, first - made)
        for _ in range(some):
            load.send()
        for _ in range(some):
            await load.receive()
    for _ in range(in_flight):
        load.send()
    await run(load, warm_up_millis / 1000)
    durations = sorted(await run(load, millis / 1000))
    answer = [f"{len(durations) / sum(durations):.1f}"]
    if in_flight == 1:
        last = len(durations) - 1
        answer += [f"{durations[percent * last // 100] * 1e6:.2f}" for percent in range(101)]
    return " ".join(answer)


async def obey(command: str, bare: str, host: str) -> str:
    """Does what one command says."""
    name, *numbers = command.split()
    in_flight, warm_up_millis, millis = map(int, numbers)
    if name in REFERENCES:
        first, streams = REFERENCES[name]
        async with aio.insecure_channel(bare) as channel:
            load: Load = BareStreams(channel, streams) if streams else unary_calls(channel)
            return await measure(load, first, in_flight, warm_up_millis, millis)
    if name in LOADS:
        first, stubs, shared_calls = LOADS[name]
        options = seriatim.ClientOptions(shared_calls=shared_calls)
        async with seriatim.aio.DurableObjects.connect(host, options=options) as objects:
            load = stub_calls(objects, stubs) if stubs else stub_for_each_call(objects)
            return await measure(load, first, in_flight, warm_up_millis, millis)
    raise ValueError(f"load {name!r}, expected {', '.join([*REFERENCES, *LOADS])}")


def main() -> None:
    """Obeys one command after the other."""
    bare, host = sys.argv[1:]
    print("ready", flush=True)
    with asyncio.Runner() as runner:  # gRPC doesn't like to change from one loop to another.
        for command in sys.stdin:
            print(runner.run(obey(command, bare, host)), flush=True)


if __name__ == "__main__":
    main()
