"""What carries a stub: one gRPC call. A stub's session knows no more of it than this."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Protocol

import grpc


class Step(Enum):
    """What is to be written next, if it isn't a frame."""

    HALF_CLOSE = "half-close"


class Link(Protocol):
    """One gRPC call, from the first call of a stub to its end.

    It asks the session for the next step, and does it; and it tells the session what comes. Nothing here
    blocks, or calls the session before `start` returns.
    """

    def start(self) -> None:
        """Asks gRPC for the call. An exception: nothing has left, and nothing will."""

    def wake(self) -> None:
        """There may be a step to take."""

    def cancel(self) -> None:
        """Gives the call up. Does nothing if it has ended."""

    def is_connected(self) -> bool | None:
        """Whether there is a connection to the host, or to what stands before it; None if nobody knows."""


class Carried(Protocol):
    """What a link knows of the session that it carries."""

    def open_frame(self) -> bytes:
        """A frame to begin with, for a link that finds out by it whether it gets through."""

    def left(self) -> None:
        """The call has a connection, and room on it. Invocations are written from now on."""

    def take_step(self) -> bytes | Step | None:
        """The next step, unless one is being taken: whoever gets one has to take it, and say `taken`."""

    def taken(self, more: bool = True) -> bytes | Step | None:
        """The step has been taken. The next one, as from `take_step`, if more can be."""

    def received(self, frame: bytes) -> bool:
        """A frame has come. False if no more are wanted."""

    def connection_ended(
        self, code: grpc.StatusCode, message: str, trailers: Iterable[tuple[str, str | bytes]] = ()
    ) -> None:
        """The call has ended, and all its frames have been told."""

    def failed(self, error: BaseException) -> None:
        """Something happened that never should."""
