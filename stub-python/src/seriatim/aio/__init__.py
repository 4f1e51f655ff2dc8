"""Durable objects, called in order over gRPC, for asyncio.

async with seriatim.aio.DurableObjects.connect("localhost:7070") as objects:
    async with objects.namespace("COUNTER").get_by_name("foo") as stub:
        counter = CounterStub(stub.channel())
        calls = [counter.Increment(IncrementRequest(amount=n)) for n in (1, 2, 3)]
        print([(await call).value for call in calls])
"""

from seriatim.aio._client import DurableObjectNamespace, DurableObjects
from seriatim.aio._retry import Retry
from seriatim.aio._stub import DurableObjectStub

__all__ = ["DurableObjectNamespace", "DurableObjectStub", "DurableObjects", "Retry"]
