"""The way to durable objects for asyncio."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from types import TracebackType
from typing import Self

import grpc
from grpc import aio

from seriatim import _forks
from seriatim._connection import Connection
from seriatim._ids import DurableObjectId, DurableObjectIds, check_name, opened_by
from seriatim._options import DEFAULTS, ClientOptions
from seriatim._resumable_session import ResumableSession
from seriatim._routes import Routes, known_by
from seriatim._session import Session
from seriatim._shared_calls import SharedCalls
from seriatim._transport import (
    CONNECT_MANY_PATH,
    DESCRIBE_NAMESPACE_PATH,
    check_namespace_name,
    describe_request,
    described_too_late,
    ids_of,
)
from seriatim.aio._link import AioLink
from seriatim.aio._stub import TIMERS, DurableObjectStub


class DurableObjects:
    """A client of one Seriatim host, for asyncio; `seriatim.DurableObjects` is the one for threads.

        stub = objects.namespace("COUNTER").get_by_name("foo")
        counter = CounterStub(stub.channel())

    Belongs to the event loop of its channel.
    """

    def __init__(self, channel: aio.Channel, options: ClientOptions = DEFAULTS) -> None:
        """A client over a channel, which may have interceptors and credentials and stays the caller's to
        close. It should have a keepalive, so that a dead host breaks its stubs in bounded time. ValueError,
        if it is to follow routes and has no `route_channel`.
        """
        options.check_routes()
        _forks.check_new_client()
        self._channel = channel
        self._connection = Connection(options)
        self._connection.shared_calls = _shared_calls(channel, options)
        self._closing: set[asyncio.Task[None]] = set()  # Channels that were made for routes.
        if options.follow_routes:
            self._connection.routes = Routes(options.max_routes, _Channels(options, self._closing))
        self._owned = False
        self._namespaces: dict[str, DurableObjectNamespace] = {}

    @classmethod
    def connect(
        cls,
        target: str,
        credentials: grpc.ChannelCredentials | None = None,
        options: ClientOptions = DEFAULTS,
    ) -> DurableObjects:
        """Connects to a host, and has a keepalive watch the connection.

        Doesn't wait; the connection is made with the first call. `target` is where the host is, such as
        "127.0.0.1:7070". Without credentials, such as `grpc.ssl_channel_credentials()`, everything
        travels as plain text. To be called in the event loop.
        """
        arguments = options.channel_arguments()

        def channel(to: str) -> aio.Channel:
            if credentials is None:
                return aio.insecure_channel(to, arguments)
            return aio.secure_channel(to, credentials, arguments)

        objects = cls(channel(target), replace(options, route_channel=options.route_channel or channel))
        objects._owned = True
        return objects

    def namespace(self, name: str, unique_key: str | None = None) -> DurableObjectNamespace:
        """The namespace with this name; the same one each time. Doesn't ask the host.

        With a `unique_key` that the caller knows, ids are made without ever asking the host.
        """
        if unique_key is not None:
            ids = DurableObjectIds(unique_key, namespace=name, client=self._connection)
            return DurableObjectNamespace(self._channel, self._connection, name, ids)
        if name not in self._namespaces:
            self._namespaces[name] = DurableObjectNamespace(self._channel, self._connection, name, None)
        return self._namespaces[name]

    async def close(self) -> None:
        """Ends the connection at once, if `connect` made it: stubs that are still open break, so close
        them first and wait for their end. Leaves a channel alone that was given: calls on it that stubs share
        end with the last of these, and so do channels that were made for routes beside it.
        """
        if self._connection.forked is not None:
            return
        if self._owned:
            self._connection.close()
        routed = [] if self._connection.routes is None else self._connection.routes.close()
        if self._connection.shared_calls is not None:
            self._connection.shared_calls.close()
        if self._owned:
            for channel in (self._channel, *routed):
                await channel.close()
        if self._closing:
            await asyncio.wait(self._closing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()


def _shared_calls(channel: aio.Channel, options: ClientOptions) -> SharedCalls | None:
    if not options.shared_calls:
        return None
    return SharedCalls(options, lambda shared: AioLink(channel, shared, [], CONNECT_MANY_PATH), TIMERS)


class _Channels:
    """Those for routes."""

    def __init__(self, options: ClientOptions, closing: set[asyncio.Task[None]]) -> None:
        self._options = options
        self._closing = closing

    def make(self, address: str) -> aio.Channel:
        assert self._options.route_channel is not None
        channel: aio.Channel = self._options.route_channel(address)
        return channel

    def shared_calls(self, channel: aio.Channel) -> SharedCalls | None:
        return _shared_calls(channel, self._options)

    def close(self, channel: aio.Channel) -> None:
        task = asyncio.get_running_loop().create_task(channel.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class DurableObjectNamespace:
    """A class of durable objects, such as `COUNTER`: gives stubs on its objects, and their ids.

    Getting a stub never talks to the host. The ids need the namespace's unique key, unless it was given
    to `DurableObjects.namespace`: the first method that needs it asks the host for it, and waits for up
    to `describe_timeout`; it is then known for good. If the asking fails, that method raises the
    `grpc.RpcError`, and the next one asks again.
    """

    def __init__(
        self, channel: aio.Channel, connection: Connection, name: str, ids: DurableObjectIds | None
    ) -> None:
        check_namespace_name(name)
        self._plain = self  # The one that knows the ids.
        self._resumable = False
        self._channel = channel
        self._connection = connection
        self._name = name
        self._fetching = asyncio.Lock()
        self._known_ids = ids

    @property
    def name(self) -> str:
        """The name of the namespace."""
        return self._name

    def resumable(self) -> DurableObjectNamespace:
        """The same namespace, whose stubs are *resumable*: they outlive their connections.

            stub = objects.namespace("COUNTER").resumable().get_by_name("foo")

        A stub that loses its connection, or whose host drains, or whose object is reset, gets another one by
        itself, says where it stands, and sends again what the host doesn't have. What wrote is never
        executed twice, and callers notice nothing but the time that it takes. Calls made meanwhile wait in
        their order. `ClientOptions.resume_timeout` is for how long it tries; only then what was sent is
        `UNKNOWN`. With a host that knows nothing of this it is an ordinary stub: see
        `DurableObjectStub.is_resumable`.

        A turn that wrote nothing is executed again if both its answer and its object were lost. How soon a
        silent loss is noticed, `ClientOptions.keep_alive_time` says: a shorter one is worthwhile here.
        """
        namespace = DurableObjectNamespace(self._channel, self._connection, self._name, None)
        namespace._plain = self._plain
        namespace._resumable = True
        return namespace

    def get_by_name(self, object_name: str) -> DurableObjectStub:
        """A new stub on the object with this name. Doesn't need the unique key.

        InvalidIdError if the name isn't 1 to 1,024 bytes of UTF-8.
        """
        check_name(object_name)
        known_id = known_by(object_name, self._connection, self._plain._known_ids)
        return self._stub(object_name, None, known_id)

    def get(self, object_id: DurableObjectId) -> DurableObjectStub:
        """A new stub on the object with this id.

        If the id knows its name, the object is opened by that name, and so learns it; the stub breaks if
        the host makes another id of it. An id that another client made is opened by its digits, unless the
        unique key is known here. InvalidIdError if it is certainly an id of another namespace.
        """
        name = opened_by(object_id, self._name, self._connection, self._plain._known_ids)
        return self._stub(name, object_id, object_id)

    def _stub(
        self, name: str | None, object_id: DurableObjectId | None, known_id: DurableObjectId | None
    ) -> DurableObjectStub:
        session = ResumableSession if self._resumable else Session
        return DurableObjectStub(self, name, object_id, self._channel, self._connection, known_id, session)

    async def id_from_name(self, object_name: str) -> DurableObjectId:
        """The id of the object with this name; the same for ever.

        InvalidIdError if the name isn't 1 to 1,024 bytes of UTF-8.
        """
        check_name(object_name)
        return (await self._ids()).from_name(object_name)

    async def id_from_string(self, digits: str) -> DurableObjectId:
        """The id that these 64 digits show.

        InvalidIdError if it isn't 64 lower-case hex digits, or is the id of another namespace.
        """
        return (await self._ids()).from_string(digits)

    async def new_unique_id(self) -> DurableObjectId:
        """A new id that no one else has."""
        return (await self._ids()).new_unique_id()

    def __repr__(self) -> str:
        return f"<DurableObjectNamespace {self._name}>"

    async def _ids(self) -> DurableObjectIds:
        if self._plain is not self:
            return await self._plain._ids()
        if self._known_ids is None:
            self._connection.check()
            async with self._fetching:
                if self._known_ids is None:
                    self._known_ids = await self._fetch()
        return self._known_ids

    async def _fetch(self) -> DurableObjectIds:
        describe: aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            DESCRIBE_NAMESPACE_PATH
        )
        timeout = self._connection.options.describe_timeout
        asked = time.monotonic()
        try:
            response = await describe(describe_request(self._name), timeout=timeout)
        except grpc.RpcError as e:
            overdue = described_too_late(self._name, e, asked, timeout)
            if overdue is None:
                raise
            raise overdue from e
        return ids_of(self._name, self._connection, response)
