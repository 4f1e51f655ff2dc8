"""What carries a stub: a gRPC call, or a lane of one. A stub's session knows no more of it than this."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Protocol

import grpc

from seriatim._failures import FailureCause


class Step(Enum):
    """What is to be written next, if it isn't a frame."""

    HALF_CLOSE = "half-close"


class Link(Protocol):
    """One gRPC call, or one lane of a shared one, from the first call of a stub to its end.

    It asks the session for the next step, and does it; and it tells the session what comes. Nothing here
    blocks, or calls the session before `start` returns.
    """

    hand_over: Callable[[Callable[[], None]], None] | None = None
    """Where callbacks run that would hold up others where they are told; None if they run there."""

    patient: bool = False
    """Whether it waits for a connection to the host, if none can be had now, rather than to end at once. To
    be set before it starts.
    """

    def start(self) -> None:
        """Asks gRPC for the call. An exception: nothing has left, and nothing will."""

    def wake(self) -> None:
        """There may be a step to take."""

    def cancel(self) -> None:
        """Gives the call up. Does nothing if it has ended."""

    def is_connected(self) -> bool | None:
        """Whether there is a connection to the host, or to what stands before it; None if nobody knows."""

    def broke(self, cause: FailureCause) -> None:
        """By what came, the stub has broken, which nobody has been told yet."""
        return

    def took(self, size: int) -> None:
        """The callers have taken outcomes in, in frames of so many bytes."""
        return


class Carried(Protocol):
    """What a link knows of the session that it carries."""

    awaits_answer: bool = False
    """Whether `answered` is to be told, which takes some more work."""

    def open_frame(self) -> bytes:
        """A frame to begin with, for a link that finds out by it whether it gets through."""

    def answered(self) -> None:
        """The host has begun to answer the call. Only told if `awaits_answer`."""
        return

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


class OnLane(Carried, Protocol):
    """What a lane knows of the session that it carries."""

    def cut(self, room: int | None) -> tuple[bytes | Step | None, bool]:
        """The next step, which has been taken with this, and whether there is another.

        None, though there is another: a frame that may have more bytes than there is room for. Without
        a `room` there is room for any.
        """

    def fall_back(self) -> None:
        """The host has no lanes, and so has seen nothing of this: the stub goes on by a call of its own."""

    def break_with(self, cause: FailureCause) -> None:
        """The lane is of no more use."""
