"""What needs a process of its own, such as to fork. Prints what it saw.

usage: processes.py CASE TARGET [MORE]
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import grpc
from echo_pb2 import EchoMessage
from echo_pb2_grpc import EchoStub
from faces import Transparent
from fakehost import FakeHost

import seriatim
from seriatim import _scheduler

WAIT_SECONDS = 60
HERE = Path(__file__)
OPTIONS = seriatim.ClientOptions(shared_calls=int(os.environ.get("SHARED_CALLS", "0")))


def run(case: str, host: FakeHost, *more: str, **environment: str) -> list[str]:
    """Runs a case against this host, which answers everything, and gives the lines that it printed."""
    host.serves()
    ran = subprocess.run(
        [sys.executable, HERE, case, host.target, *more],
        env=dict(os.environ, PYTHONPATH=str(HERE.parents[1] / "generated"), **environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=6 * WAIT_SECONDS,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def connect(target: str) -> seriatim.DurableObjects:
    return seriatim.DurableObjects.connect(target, options=OPTIONS)


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
    with connect(target) as objects:
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
    with connect(target) as objects:
        namespace = objects.namespace("ECHO")
        if "RESUMABLE" in os.environ:
            namespace = namespace.resumable()
        stub, unused = namespace.get_by_name("foo"), namespace.get_by_name("bar")
        say("the parent:", echo(stub))
        waiting = EchoStub(stub.channel()).Echo.future(EchoMessage(number=-1))  # Is not answered.
        told: list[object] = []
        stub.on_break(told.append)
        waiting.add_done_callback(told.append)

        def child() -> None:
            say("the parent's stub:", failure(lambda: echo(stub, timeout=WAIT_SECONDS)))
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
    with connect(target) as objects:
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
        causes = [stub.break_cause for stub in stubs]
        say("broken:", sorted({str(cause.reason) for cause in causes if cause is not None}))
        for stub in stubs:
            stub.close()


def chained(target: str) -> None:
    """Callbacks that call while the process forks."""
    stop = threading.Event()
    with connect(target) as objects:
        stubs = [objects.namespace("ECHO").get_by_name(f"chained-{n}") for n in range(4)]
        last = threading.Semaphore(0)

        def call(stub: seriatim.DurableObjectStub, _: object = None) -> None:
            if stop.is_set() or stub.is_broken:
                last.release()
            else:
                future = EchoStub(stub.channel()).Echo.future(EchoMessage())
                future.add_done_callback(partial(call, stub))

        for stub in stubs:
            call(stub)
        for _ in range(5):
            in_child(lambda: say("a new client:", new_client(target)))
        stop.set()
        for stub in stubs:
            last.acquire(timeout=WAIT_SECONDS)
            stub.close()


def pool(target: str) -> None:
    """A pool of multiprocessing, as most people fork."""
    with connect(target) as objects:
        with objects.namespace("ECHO").get_by_name("foo") as stub:
            echo(stub)
            with multiprocessing.get_context("fork").Pool(2) as workers:
                for answer in workers.map(new_client, [target] * 8, chunksize=1):
                    say("a worker:", answer)
            say("the parent goes on:", stub.is_broken)


def aio(target: str) -> None:
    async def parent() -> None:
        async with seriatim.aio.DurableObjects.connect(target, options=OPTIONS) as objects:
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


def limit(target: str, what: str) -> None:
    """No thread can be started any more: it would need more memory than there can be."""
    channel = grpc.insecure_channel(target)
    if what != "scheduler":
        _scheduler.SHARED.prepare()
    below = grpc.intercept_channel(channel, Transparent()) if what == "intercepted" else channel
    namespace = seriatim.DurableObjects(below, OPTIONS).namespace("ECHO")
    stubs = [namespace.get_by_name(f"foo-{n}") for n in range(3)]
    threading.stack_size(1 << 46)
    calls = [EchoStub(stub.channel()).Echo.future(EchoMessage(), WAIT_SECONDS) for stub in stubs[:2]]
    threading.stack_size(0)
    for call in calls:
        failed = call.exception(WAIT_SECONDS)
        assert isinstance(failed, seriatim.CallFailure)
        say(failed.details())
    with stubs[2] as stub:
        say("answered", echo(stub))
    in_child(lambda: say(new_client(target)))


def main(case: str, *more: str) -> None:
    cases: dict[str, Callable[..., None]] = {
        "threads": threads,
        "busy": busy,
        "chained": chained,
        "pool": pool,
        "aio": aio,
        "limit": limit,
    }
    cases[case](*more)


if __name__ == "__main__":
    main(*sys.argv[1:])
