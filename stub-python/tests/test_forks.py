"""What becomes of clients when the process forks: each case in a process of its own, which is what forks."""

from __future__ import annotations

import os

import pytest
from fakehost import IDS, FakeHost
from processes import run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

on_both = pytest.mark.parametrize("shared_calls", ["0", "1"], ids=["own", "lane"])

NEW_CLIENT = f"answered 10 and 20, {IDS.from_name('x')}"[:40]


@pytest.mark.parametrize("kind", [{}, {"RESUMABLE": "1"}], ids=["ordinary", "resumable"])
@on_both
def test_what_the_parent_made_says_so_and_new_clients_work(
    host: FakeHost, shared_calls: str, kind: dict[str, str]
) -> None:
    assert run("threads", host, SHARED_CALLS=shared_calls, **kind) == [
        "the parent: 10",
        "the parent's stub: FAILED_PRECONDITION FORKED NOT_EXECUTED 0",
        "a call that waits: FAILED_PRECONDITION FORKED UNKNOWN 2",
        "a stub that was never used: FAILED_PRECONDITION FORKED NOT_EXECUTED 1",
        "the parent's client: FAILED_PRECONDITION FORKED NOT_EXECUTED 1",
        "its ids: FAILED_PRECONDITION FORKED NOT_EXECUTED 0",
        f"a new client: {NEW_CLIENT}",
        "and the end of all that: True []",
        f"a grandchild: {NEW_CLIENT}",
        "the child has ended with 0",
        "the child has ended with 0",
        "the parent goes on: 10",
        "with its stub: False",
    ]


@on_both
def test_new_clients_work_also_if_the_parent_is_busy(host: FakeHost, shared_calls: str) -> None:
    lines = run("busy", host, SHARED_CALLS=shared_calls)
    assert lines[:-1] == [f"a new client: {NEW_CLIENT}", "the child has ended with 0"] * 10
    # gRPC may lose the parent's connection in a fork, on a busy machine. Nothing else may break its stubs.
    assert lines[-1] in {"broken: []", "broken: ['CONNECTION_LOST']"}


@on_both
def test_new_clients_work_also_if_callbacks_of_the_parent_make_calls(
    host: FakeHost, shared_calls: str
) -> None:
    lines = run("chained", host, SHARED_CALLS=shared_calls)
    assert lines == [f"a new client: {NEW_CLIENT}", "the child has ended with 0"] * 5


@on_both
def test_workers_of_a_pool_make_clients_of_their_own(host: FakeHost, shared_calls: str) -> None:
    assert run("pool", host, SHARED_CALLS=shared_calls) == [f"a worker: {NEW_CLIENT}"] * 8 + [
        "the parent goes on: False"
    ]


def test_grpc_for_asyncio_does_not_go_on_and_that_is_said(host: FakeHost) -> None:
    refused = (
        "RuntimeError: this process (pid PID) was forked while gRPC for asyncio ran, which does not go on in "
        "a child: fork before the first client is made, or start the process with multiprocessing's 'spawn' "
        "or 'forkserver'"
    )
    # With its support switched off, gRPC doesn't crash one in six children of such a parent.
    assert run("aio", host, GRPC_ENABLE_FORK_SUPPORT="0") == [
        "the parent: 10",
        "the parent's stub: FAILED_PRECONDITION FORKED NOT_EXECUTED 0",
        "its ids: FAILED_PRECONDITION FORKED NOT_EXECUTED 0",
        f"a new client: {refused}",
        "the child has ended with 0",
        "the parent goes on: 20",
    ]


def test_support_that_is_switched_off_is_said(host: FakeHost) -> None:
    lines = run("busy", host, GRPC_ENABLE_FORK_SUPPORT="0")
    children = [line for line in lines if line.startswith("the child fails")]
    assert len(children) == 10
    assert "while gRPC's support of forks was off (GRPC_ENABLE_FORK_SUPPORT=0)" in children[0]
