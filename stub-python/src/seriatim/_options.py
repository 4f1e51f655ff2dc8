"""The limits and times of a client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_HOST_QUEUE_INVOCATIONS = 65_536
_HOST_QUEUE_BYTES = 64 << 20
_FIRST_RECONNECT_MS = 100
_LARGEST_INT = (1 << 31) - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientOptions:
    """The limits and times of a client, each with a default that suits most.

    All limits on calls hold for each stub by itself. Times are in seconds. Raises ValueError if a limit
    is out of range, or if a stub could have more unanswered than a host queues by its defaults, which
    are 65,536 invocations and 64 MiB.
    """

    max_unanswered_frames: int = 4
    """With fewer frames than this unanswered, a call leaves at once; otherwise it waits, and leaves in
    one frame with others when an answer comes back."""

    max_frame_invocations: int = 256
    """The most invocations in one frame."""

    max_frame_bytes: int = 1 << 20
    """The most bytes in one frame, unless a single invocation is bigger: that one goes alone. A host's
    own limit is 4 MiB by default."""

    max_invocation_bytes: int = (4 << 20) - (8 << 10)
    """The size of the largest invocation, with its argument, method name and metadata. A larger one
    fails with `Reason.CALL_TOO_LARGE` and breaks nothing."""

    max_buffered_invocations: int = 65_536
    """The most invocations that may wait to be sent. One more fails with `Reason.BUFFER_FULL` and
    breaks nothing."""

    max_buffered_bytes: int = 64 << 20
    """The most bytes that may wait to be sent. An invocation that would pass this fails with
    `Reason.BUFFER_FULL` and breaks nothing."""

    max_inbound_frame_bytes: int = 16 << 20
    """The largest frame taken from a host; a larger one breaks the stub. Only for `connect`: a channel
    of your own has its own limit, which is 4 MiB by default. On a shared call one of twice the limit, or one
    over the limit of your own channel, ends the call, and so breaks all its stubs."""

    shared_calls: int = 0
    """Over how many calls the stubs of this client are spread, in turn, each call shared by many. 0: each
    stub has a call of its own. For clients with many stubs, or with a stub for each call. With a host that
    can't do that, each stub has a call of its own all the same."""

    shared_call_idle_timeout: float = 10.0
    """How long a shared call without stubs is kept; with 0, not at all."""

    follow_routes: bool = False
    """Whether later stubs are opened right at the host that has their object, where the host that they would
    go to has said which one that is. It saves the hop over that host. An object's host is known when a stub
    was opened before on it, or on another whose id begins with the same bits; for a stub that is got by name,
    the client must know the namespace's unique key for the latter. A route is forgotten when a stub that was
    opened by it is lost, can't be opened, or ends with UNAVAILABLE; the next one goes the usual way, and no
    call is repeated for that."""

    max_routes: int = 1024
    """How many routes are remembered, each for the objects whose ids begin with the same bits."""

    route_channel: Callable[[str], Any] | None = None
    """Makes the channel to the address of a route, such as "10.0.0.7:7070", with `follow_routes`: a
    `grpc.Channel`, or a `grpc.aio.Channel` for a client of asyncio. It is called once for each address, when
    the first stub is opened there, and must not block; the channel is the client's, which closes it when no
    route and no stub needs it any more. None: one like the client's own, which only `connect` knows how to
    make."""

    deadline_grace: float = 1.0
    """The host watches a call's timeout, and breaks the stub when it runs out. If it could have told and no
    word has come this long after, that call fails with `Reason.ANSWER_OVERDUE`; the stub goes on."""

    open_timeout: float = 10.0
    """How long it may take until the host says that a new stub is open, from its first call: for a
    connection, for room on it, and for the host. Then the stub breaks with `Reason.OPEN_OVERDUE`."""

    end_timeout: float = 10.0
    """How long a host may take to end a stub that is closed and whose calls have all been answered. Then
    the client ends it, and the stub is broken."""

    resume_timeout: float = 60.0
    """How long a resumable stub that has lost its connection tries to go on with another one: from the loss,
    or from the first call after it, if none was unanswered. Then it breaks with what the last loss was.
    Never more than half of the time for which the host remembers, from when the oldest unanswered call was
    sent."""

    resume_backoff: float = 0.05
    """A resumable stub tries at once to get another connection. This is how long it waits before it tries
    for the second time, and then twice as long each time. Half of each wait is random. Where there was too
    much to do, it is a second at least."""

    max_resume_backoff: float = 5.0
    """The longest of these waits."""

    max_resumes_without_progress: int = 10
    """How often a resumable stub goes on with another connection without one more answer. If that is lost as
    well, the stub breaks with what the last loss was. Attempts at which no host let it go on don't count."""

    describe_timeout: float = 10.0
    """How long to wait for the description of a namespace."""

    connect_timeout: float = 5.0
    """How long one attempt to connect may take; only for `connect`."""

    max_reconnect_delay: float = 0.5
    """The longest pause between two attempts to connect, give or take a fifth; only for `connect`. A host
    that listens again after an outage is found within it."""

    keep_alive_time: float = 30.0
    """How long a connection with open stubs may be silent before it is probed; only for `connect`. A
    Seriatim host permits 10 s; if a proxy in between answers with `too_many_pings`, raise it."""

    keep_alive_timeout: float = 10.0
    """How long a probe may stay unanswered before the connection is given up, which breaks all its
    stubs; only for `connect`."""

    def __post_init__(self) -> None:
        for name in (
            "max_unanswered_frames",
            "max_frame_invocations",
            "max_frame_bytes",
            "max_invocation_bytes",
            "max_buffered_invocations",
            "max_inbound_frame_bytes",
            "max_routes",
            "max_resumes_without_progress",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)}, expected at least 1")
        for name in (
            "open_timeout",
            "end_timeout",
            "resume_timeout",
            "resume_backoff",
            "max_resume_backoff",
            "describe_timeout",
            "connect_timeout",
            "max_reconnect_delay",
            "keep_alive_time",
            "keep_alive_timeout",
        ):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} {getattr(self, name)}, expected more than 0")
        for name in ("shared_calls", "shared_call_idle_timeout", "deadline_grace"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} {getattr(self, name)}, expected at least 0")
        invocations = self.max_unanswered_frames * self.max_frame_invocations
        if invocations > _HOST_QUEUE_INVOCATIONS:
            raise ValueError(
                f"max_unanswered_frames x max_frame_invocations is {invocations}, "
                f"expected at most {_HOST_QUEUE_INVOCATIONS}"
            )
        size = self.max_unanswered_frames * max(self.max_frame_bytes, self.max_invocation_bytes)
        if size > _HOST_QUEUE_BYTES:
            raise ValueError(
                "max_unanswered_frames x the larger of max_frame_bytes and max_invocation_bytes is "
                f"{size}, expected at most {_HOST_QUEUE_BYTES}"
            )
        if self.max_buffered_bytes < self.max_invocation_bytes:
            raise ValueError(
                f"max_buffered_bytes {self.max_buffered_bytes}, "
                f"expected at least max_invocation_bytes {self.max_invocation_bytes}"
            )

    def check_routes(self) -> None:
        """ValueError if nothing knows how to make channels for routes: the client's own one was given."""
        if self.follow_routes and self.route_channel is None:
            raise ValueError("follow_routes on a channel that was given, expected route_channel with it")

    def channel_arguments(self) -> list[tuple[str, int]]:
        """What `connect` asks of the gRPC channel that it makes."""
        reconnect_ms = max(1, int(self.max_reconnect_delay * 1000))
        # On a shared call each frame is looked at by itself, so that it breaks its own stub.
        inbound = self.max_inbound_frame_bytes * (2 if self.shared_calls else 1)
        return [
            ("grpc.initial_reconnect_backoff_ms", min(_FIRST_RECONNECT_MS, reconnect_ms)),
            ("grpc.max_reconnect_backoff_ms", reconnect_ms),
            # Not what its name says: how long an attempt may take.
            ("grpc.min_reconnect_backoff_ms", max(1, int(self.connect_timeout * 1000))),
            # A host that comes back may have another address. gRPC asks for it every 30 s at most.
            ("grpc.dns_min_time_between_resolutions_ms", reconnect_ms),
            ("grpc.keepalive_time_ms", int(self.keep_alive_time * 1000)),
            ("grpc.keepalive_timeout_ms", int(self.keep_alive_timeout * 1000)),
            # Without this gRPC gives an unanswered ping a minute, whatever the keepalive's timeout says.
            ("grpc.http2.ping_timeout_ms", int(self.keep_alive_timeout * 1000)),
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.max_receive_message_length", min(inbound, _LARGEST_INT)),
        ]


DEFAULTS = ClientOptions()
