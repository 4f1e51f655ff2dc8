"""What becomes of clients when the process forks.

A client belongs to the process that made it: its connection, its threads and its locks are not in a child. So
in a child everything that came from the parent says so at once, and new clients work. gRPC has to play along:
it stops its threads before a fork and begins anew in the child, if it is told to before they start. That is
what `_enable` does, unless the environment says otherwise.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from seriatim import _callback_threads, _scheduler
from seriatim._failures import FailureCause
from seriatim._reasons import Reason
from seriatim._transport import LOGGER

if TYPE_CHECKING:
    from seriatim._connection import Connection

_VARIABLE = "GRPC_ENABLE_FORK_SUPPORT"
_SWITCH = "_GRPC_ENABLE_FORK_SUPPORT"

CONNECTIONS: weakref.WeakSet[Connection] = weakref.WeakSet()
"""What this process has, and a child of it has not."""

GATE = threading.Lock()
"""Held by a caller's thread while it is inside gRPC, and by a fork, so that none is inside then."""

_AIO_THREAD = "(_poll_wrapper)"  # What the thread of gRPC for asyncio is called, behind its number.

_aio_runs = False  # At the moment of the fork.
_warned = False
_hindrance: str | None = None


def forked() -> FailureCause:
    """Why nothing works in a child that its parent made."""
    return FailureCause.of(
        Reason.FORKED,
        grpc.StatusCode.FAILED_PRECONDITION,
        f"this process (pid {os.getpid()}) was forked from the one that made the client, whose "
        "connection stays there: make a new client in this process, and get stubs from it",
    )


def check_new_client() -> None:
    """RuntimeError if no client can work in this process."""
    if _hindrance is not None:
        raise RuntimeError(
            f"this process (pid {os.getpid()}) was forked {_hindrance}: fork before the first client is "
            "made, or start the process with multiprocessing's 'spawn' or 'forkserver'"
        )


def _enable() -> None:
    """Has gRPC support forks: on import, before it has started a thread."""
    if _VARIABLE not in os.environ and hasattr(cygrpc, _SWITCH):
        setattr(cygrpc, _SWITCH, True)


def _before() -> None:
    global _aio_runs, _warned  # noqa: PLW0603
    GATE.acquire()
    _aio_runs = any(thread.name.endswith(_AIO_THREAD) for thread in threading.enumerate())
    if _aio_runs and not _warned:
        _warned = True
        LOGGER.warning(
            "this process (pid %d) forks while gRPC for asyncio runs: its child can't use gRPC, and gRPC "
            "itself may crash it. Start processes with 'spawn' or 'forkserver'. (This is said once.)",
            os.getpid(),
        )


def _after_in_parent() -> None:
    GATE.release()


def _after_in_child() -> None:
    global _hindrance  # noqa: PLW0603
    GATE.release()
    _scheduler.SHARED = _scheduler.Scheduler()
    _callback_threads.SHARED = _callback_threads.CallbackThreads()
    if _hindrance is None and (_aio_runs or len(CONNECTIONS)):
        _hindrance = _what_hinders()
    why = forked()
    for connection in list(CONNECTIONS):
        connection.fork(why)


def _what_hinders() -> str | None:
    """Why gRPC doesn't go on in this child, if it doesn't."""
    if _aio_runs:
        return "while gRPC for asyncio ran, which does not go on in a child"
    if not getattr(cygrpc, _SWITCH, False):
        return f"while gRPC's support of forks was off ({_VARIABLE}={os.environ.get(_VARIABLE)})"
    if getattr(cygrpc, "_fork_handler_failed", False):
        return "while a thread of gRPC was busy with a callback"
    return None


_enable()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
