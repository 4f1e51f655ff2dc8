"""Calls a counter in order, without waiting for each answer, and says what became of each call.

usage: main.py HOST:PORT
"""

import sys

import seriatim
from counter_pb2 import IncrementRequest
from counter_pb2_grpc import CounterStub


def main(target: str) -> None:
    with seriatim.DurableObjects.connect(target) as objects:
        with objects.namespace("COUNTER").get_by_name("python") as stub:
            counter = CounterStub(stub.channel())
            # The third one throws.
            calls = [counter.Increment.future(IncrementRequest(amount=amount)) for amount in (5, 2, 0, 100)]
            for call in calls:
                try:
                    print(call.result().value)
                except seriatim.CallFailure as failure:
                    print(failure.reason, failure.fate.value)


if __name__ == "__main__":
    main(sys.argv[1])
