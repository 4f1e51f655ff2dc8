"""Where the stubs of a client are opened that follows what hosts say, in both APIs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import grpc

from seriatim._failures import FailureCause
from seriatim._ids import DurableObjectId, DurableObjectIds
from seriatim._reasons import Reason
from seriatim._route_table import RouteTable

if TYPE_CHECKING:
    from seriatim._connection import Connection
    from seriatim._shared_calls import SharedCalls
    from seriatim.v1 import durable_objects_pb2 as wire


class Channels(Protocol):
    """What an API makes channels with, and closes them. None of it waits."""

    def make(self, address: str) -> Any: ...

    def shared_calls(self, channel: Any) -> SharedCalls | None: ...

    def close(self, channel: Any) -> None: ...


class Access:
    """The way to a host that a route names, from the first stub that takes it. Safe for any number of
    threads.
    """

    def __init__(self, address: str, channels: Channels) -> None:
        self.address = address
        self._channels = channels
        self._lock = threading.Lock()  # Guards what follows.
        self._channel: Any = None
        self._shared_calls: SharedCalls | None = None

    @property
    def channel(self) -> Any:
        """Its channel. An exception, if there can be none."""
        with self._lock:
            if self._channel is None:
                self._channel = self._channels.make(self.address)
                self._shared_calls = self._channels.shared_calls(self._channel)
            return self._channel

    @property
    def shared_calls(self) -> SharedCalls | None:
        """What carries stubs over it, if they have no calls of their own."""
        return self._shared_calls if self.channel is not None else None

    def take_channel(self) -> Any:
        """The channel, for whoever closes it; None if there was none."""
        with self._lock:
            channel, shared_calls = self._channel, self._shared_calls
        if shared_calls is not None:
            shared_calls.close()
        return channel

    def forked(self) -> None:
        """In the child of a fork."""
        self._lock = threading.Lock()
        if self._shared_calls is not None:
            self._shared_calls.forked()


class Routes:
    """What is known of routes, which the table decides, and the channels that it takes.

    Safe for any number of threads. No one calls out while holding the lock.
    """

    def __init__(self, limit: int, channels: Channels) -> None:
        self._channels = channels
        self._lock = threading.Lock()  # Guards what follows.
        self._table = RouteTable(limit)
        self._accesses: dict[str, Access] = {}  # By address: those that a hint or a stub needs.
        self._closed = False

    def open(self, path: str, object_id: str | None) -> Access | None:
        """Where to open a stub, which then counts as open there until it has `ended`; None, if that is where
        it would be opened without routes.
        """
        with self._lock:
            address = None if self._closed else self._table.open(path, object_id)
            if address is None:
                return None
            if address not in self._accesses:
                self._accesses[address] = Access(address, self._channels)
            return self._accesses[address]

    def opened(self, path: str | None, by: wire.Opened, *, elsewhere: bool) -> None:
        """A stub is open: elsewhere, if that was by a route."""

        def change() -> None:
            if by.HasField("route"):
                if not self._closed:
                    self._table.learn(path, by.id, by.route.address, by.route.prefix_bits)
            elif not elsewhere:
                self._table.forget(by.id)

        self._change(change)

    def distrust(self, access: Access) -> None:
        """A stub that was opened here has failed in a way that speaks against the route."""
        with self._lock:
            self._table.forget_address(access.address)  # The stub itself still needs it.

    def ended(self, access: Access) -> None:
        """A stub is over that was opened here."""
        self._change(lambda: self._table.ended(access.address))

    def close(self) -> list[Any]:
        """Opens nothing any more. The channels that are still there, each until its stubs have ended."""

        def change() -> None:
            self._closed = True
            for address in self._accesses:
                self._table.forget_address(address)

        self._change(change)
        with self._lock:
            left = list(self._accesses.values())
        return [channel for access in left if (channel := access.take_channel()) is not None]

    def forked(self) -> None:
        """In the child of a fork."""
        self._lock = threading.Lock()
        for access in self._accesses.values():
            access.forked()

    def _change(self, change: Callable[[], None]) -> None:
        """Changes the table, and closes what isn't needed any more."""
        with self._lock:
            change()
            unneeded = [
                self._accesses.pop(address)
                for address in self._table.take_unused()
                if address in self._accesses
            ]
        for access in unneeded:
            channel = access.take_channel()
            if channel is not None:
                self._channels.close(channel)


def known_by(name: str, connection: Connection, ids: DurableObjectIds | None) -> DurableObjectId | None:
    """The id of a named object, if it is of use, and known without asking anyone."""
    return None if connection.routes is None or ids is None else ids.from_name(name)


class StubRoute:
    """What one stub, or one connection of it, has to do with the routes of its client.

    Its methods are called in their order.
    """

    @classmethod
    def of(cls, routes: Routes, open_: wire.Open, known_id: DurableObjectId | None) -> StubRoute:
        """That of a stub. The id is given if it is known without asking anyone."""
        object_id = None if known_id is None else str(known_id)
        return cls(routes, f"{open_.namespace}/{open_.name}", object_id)

    def __init__(self, routes: Routes, path: str, object_id: str | None) -> None:
        self._routes = routes
        self._path = path
        self._id = object_id
        self._access: Access | None = None
        self._opened = False
        self._lock = threading.Lock()  # Guards what follows.
        self._judged = False
        self._over = False

    def begin(self) -> Access | None:
        """Where to open the stub, at its first call; None if that is where it would be anyway."""
        access = self._routes.open(self._path, self._id)
        with self._lock:
            if not self._over:
                self._access = access
                return access
        if access is not None:  # Someone has given the stub up meanwhile.
            self._routes.ended(access)
        return None

    def again(self) -> StubRoute:
        """That of the stub's next connection."""
        return StubRoute(self._routes, self._path, self._id)

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is opened by a route."""
        return self._access is not None

    @property
    def channel(self) -> Any:
        """That of a route, if it was opened by one."""
        access = self._access
        return None if access is None else access.channel

    def learn(self, opened: wire.Opened | None, cause: FailureCause | None) -> None:
        """The stub is open, or has broken for this cause, which nobody has been told yet."""
        access = self._access
        if opened is not None:
            self._opened = True
            self._routes.opened(
                self._path if self._id is None else None, opened, elsewhere=access is not None
            )
        if cause is None:
            return
        with self._lock:
            judged, self._judged = self._judged, True
        if access is not None and not judged and self._speaks_against(cause):
            self._routes.distrust(access)

    def _speaks_against(self, cause: FailureCause) -> bool:
        """Whether the next stub had better be opened elsewhere."""
        if cause.reason == Reason.STUB_CANCELLED:
            return False
        if cause.reason in {Reason.CONNECTION_LOST, Reason.HOST_VIOLATION}:
            return True
        return not self._opened or cause.code is grpc.StatusCode.UNAVAILABLE

    def ended(self) -> None:
        """The stub is over, and what carried it is of no more use."""
        with self._lock:
            self._over = True
            access, self._access = self._access, None
        if access is not None:
            self._routes.ended(access)
