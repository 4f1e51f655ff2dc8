"""Durable objects, called in order over gRPC.

This is the API for threads; `seriatim.aio` is the same for asyncio.

    with seriatim.DurableObjects.connect("localhost:7070") as objects:
        with objects.namespace("COUNTER").get_by_name("foo") as stub:
            counter = CounterStub(stub.channel())
            values = [counter.Increment.future(IncrementRequest(amount=n)) for n in (1, 2, 3)]
            print([value.result().value for value in values])
"""

import pkgutil

# A contract of the user's own whose package begins with `seriatim`, such as `seriatim.examples.v1`,
# generates modules that begin with `seriatim` too. They are found beside this package.
__path__ = pkgutil.extend_path(__path__, __name__)

from seriatim import aio
from seriatim._bearer import bearer_token
from seriatim._client import DurableObjectNamespace, DurableObjects
from seriatim._failures import CallFailure, FailureCause, Fate
from seriatim._ids import MAX_NAME_BYTES, DurableObjectId, DurableObjectIds, InvalidIdError
from seriatim._options import ClientOptions
from seriatim._reasons import Reason
from seriatim._retry import Retry
from seriatim._stub import DurableObjectStub

__all__ = [
    "MAX_NAME_BYTES",
    "CallFailure",
    "ClientOptions",
    "DurableObjectId",
    "DurableObjectIds",
    "DurableObjectNamespace",
    "DurableObjectStub",
    "DurableObjects",
    "FailureCause",
    "Fate",
    "InvalidIdError",
    "Reason",
    "Retry",
    "aio",
    "bearer_token",
]
