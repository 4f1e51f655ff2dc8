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
from collections.abc import AsyncIterator
from typing import Protocol

from benchmarks_pb2 import Payload
from benchmarks_pb2_grpc import BareStub, BenchStub
from grpc import aio

import seriatim

PAYLOAD = Payload(data=bytes(32))


class Load(Protocol):
    """Calls on one connection."""

    def send(self) -> None:
        """Makes one more call."""

    async def receive(self) -> None:
        """Waits for the answer to the oldest one."""


class BareStream:
    """The reference: a message on a bidirectional stream for each call."""

    def __init__(self, channel: aio.Channel) -> None:
        self._requests: asyncio.Queue[Payload] = asyncio.Queue()
        self._responses = aiter(BareStub(channel).Stream(self._taken()))

    async def _taken(self) -> AsyncIterator[Payload]:
        while True:
            yield await self._requests.get()

    def send(self) -> None:
        """Sends a message."""
        self._requests.put_nowait(PAYLOAD)

    async def receive(self) -> None:
        """Waits for the next message."""
        await anext(self._responses)


class StubCalls:
    """Calls of one stub."""

    def __init__(self, objects: seriatim.aio.DurableObjects) -> None:
        self._bench = BenchStub(objects.namespace("BENCH").get_by_name("bench-0").channel())
        self._calls: deque[aio.UnaryUnaryCall[Payload, Payload]] = deque()

    def send(self) -> None:
        """Makes a call, and doesn't wait for it."""
        self._calls.append(self._bench.Echo(PAYLOAD))

    async def receive(self) -> None:
        """Waits for the oldest call."""
        await self._calls.popleft()


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


async def measure(load: Load, in_flight: int, warm_up_millis: int, millis: int) -> str:
    """Keeps so many calls in flight. Gives the answers in a second, and percentiles of single calls in µs."""
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
    if name == "stream":
        async with aio.insecure_channel(bare) as channel:
            return await measure(BareStream(channel), in_flight, warm_up_millis, millis)
    if name == "stub":
        async with seriatim.aio.DurableObjects.connect(host) as objects:
            return await measure(StubCalls(objects), in_flight, warm_up_millis, millis)
    raise ValueError(f"load {name!r}, expected stream or stub")


def main() -> None:
    """Obeys one command after the other."""
    bare, host = sys.argv[1:]
    print("ready", flush=True)
    for command in sys.stdin:
        print(asyncio.run(obey(command, bare, host)), flush=True)


if __name__ == "__main__":
    main()
