"""Forks, in a process of its own: test_forks.py runs it. Prints what it saw.

usage: forking.py CASE TARGET
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable

from echo_pb2 import EchoMessage
from echo_pb2_grpc import EchoStub

import seriatim

WAIT_SECONDS = 20


def say(*words: object) -> None:
    # At once, in one piece: parent and child write to the same place.
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def failure(call: Callable[[], object]) -> str:
    try:
        return f"answered {call()}"
    except seriatim.CallFailure as e:
        return f"{e.code().name} {e.reason} {e.fate.value} {e.sequence}"
    except RuntimeError as e:
        return f"{type(e).__name__}: {e}".replace(str(os.getpid()), "PID")


def echo(stub: seriatim.DurableObjectStub, timeout: float | None = None) -> int:
    value: int = EchoStub(stub.channel()).Echo.future(EchoMessage(), timeout).result(WAIT_SECONDS).number
    return value


def new_client(target: str) -> str:
    with seriatim.DurableObjects.connect(target) as objects:
        with objects.namespace("ECHO").get_by_name("of-a-new-client") as stub:
            return f"answered {echo(stub)} and {echo(stub)}, {objects.namespace('ECHO').id_from_name('x')}"[
                :40
            ]


def in_child(action: Callable[[], None]) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            action()
        except BaseException as e:
            say("the child fails:", repr(e))
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    say("the child has ended with", status)


def threads(target: str) -> None:
    with seriatim.DurableObjects.connect(target) as objects:
        namespace = objects.namespace("ECHO")
        stub, unused = namespace.get_by_name("foo"), namespace.get_by_name("bar")
        say("the parent:", echo(stub))
        waiting = EchoStub(stub.channel()).Echo.future(EchoMessage(number=-1))  # Is not answered.
        told: list[object] = []
        stub.on_break(told.append)
        waiting.add_done_callback(told.append)

        def child() -> None:
            say("the parent's stub:", failure(lambda: echo(stub, timeout=5.0)))
            say("a call that waits:", failure(lambda: waiting.result(WAIT_SECONDS)))
            say("a stub that was never used:", failure(lambda: echo(unused)))
            say("the parent's client:", failure(lambda: echo(namespace.get_by_name("new"))))
            say("its ids:", failure(lambda: namespace.id_from_name("foo")))
            say("a new client:", new_client(target))
            say("and the end of all that:", stub.await_end(WAIT_SECONDS), told)
            with stub:
                pass
            objects.close()
            in_child(lambda: say("a grandchild:", new_client(target)))

        in_child(child)
        say("the parent goes on:", echo(unused))
        say("with its stub:", stub.is_broken)
        stub.cancel()


def busy(target: str) -> None:
    """Threads that call while the process forks."""
    stop = threading.Event()
    with seriatim.DurableObjects.connect(target) as objects:
        stubs = [objects.namespace("ECHO").get_by_name(f"busy-{n}") for n in range(4)]

        def call(stub: seriatim.DurableObjectStub) -> None:
            while not stop.is_set():
                echo(stub)

        callers = [threading.Thread(target=call, args=(stub,)) for stub in stubs]
        for caller in callers:
            caller.start()
        for _ in range(10):
            in_child(lambda: say("a new client:", new_client(target)))
        stop.set()
        for caller in callers:
            caller.join(WAIT_SECONDS)
        say("broken:", [stub.is_broken for stub in stubs])
        for stub in stubs:
            stub.close()


def pool(target: str) -> None:
    """A pool of multiprocessing, as most people fork."""
    with seriatim.DurableObjects.connect(target) as objects:
        with objects.namespace("ECHO").get_by_name("foo") as stub:
            echo(stub)
            with multiprocessing.get_context("fork").Pool(2) as workers:
                for answer in workers.map(new_client, [target] * 8, chunksize=1):
                    say("a worker:", answer)
            say("the parent goes on:", stub.is_broken)


def aio(target: str) -> None:
    async def parent() -> None:
        async with seriatim.aio.DurableObjects.connect(target) as objects:
            namespace = objects.namespace("ECHO")
            async with namespace.get_by_name("foo") as stub:
                say("the parent:", (await EchoStub(stub.channel()).Echo(EchoMessage())).number)

                def child() -> None:
                    async def call() -> object:
                        return await EchoStub(stub.channel()).Echo(EchoMessage())

                    say("the parent's stub:", failure(lambda: EchoStub(stub.channel()).Echo(EchoMessage())))
                    say("its ids:", failure(lambda: asyncio.run(namespace.id_from_name("foo"))))
                    say("a new client:", failure(lambda: new_client(target)))

                in_child(child)
                say("the parent goes on:", (await EchoStub(stub.channel()).Echo(EchoMessage())).number)

    asyncio.run(parent())


def main(case: str, target: str) -> None:
    {"threads": threads, "busy": busy, "pool": pool, "aio": aio}[case](target)


if __name__ == "__main__":
    main(*sys.argv[1:])
