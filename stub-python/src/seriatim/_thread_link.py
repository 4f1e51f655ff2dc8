"""Carries a threaded stub, or a call that many share, on any gRPC channel, such as one with interceptors.

It has two threads. One is gRPC's, which takes what is to be sent; the other receives.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc

from seriatim._link import Carried, Link, Step
from seriatim._transport import CONNECT_PATH, LOGGER


class ThreadLink(Link):
    """One gRPC call."""

    def __init__(self, channel: grpc.Channel, session: Carried, path: str = CONNECT_PATH) -> None:
        self._channel = channel
        self._path = path
        self._session = session
        self._stream: Any = None
        self._asked = threading.Event()  # There is a stream, or there will be none.
        # Guards all below.
        self._condition = threading.Condition()
        self._woken = False
        self._given_up = False

    def start(self) -> None:
        """See `Link`. First the thread, since without one nothing must leave."""
        threading.Thread(target=self._receive, name="seriatim-receiver", daemon=True).start()
        try:
            connect: grpc.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(self._path)
            self._stream = connect(self._frames(), wait_for_ready=self.patient or None)
        finally:
            self._asked.set()

    def wake(self) -> None:
        """See `Link`."""
        with self._condition:
            self._woken = True
            self._condition.notify_all()

    def cancel(self) -> None:
        """See `Link`."""
        if self._stream is not None:
            self._stream.cancel()  # Does nothing to a stream that has ended.
        with self._condition:
            self._given_up = True
            self._condition.notify_all()

    def is_connected(self) -> bool | None:
        """See `Link`."""
        return None

    def _frames(self) -> Iterator[bytes]:
        """What gRPC sends, on a thread of gRPC's own. It comes back for more when it has sent one.

        The first frame has no invocations: only when gRPC comes back there is a connection, and what has
        never left is known not to have been executed.
        """
        try:
            yield self._session.open_frame()
            self._session.left()
            step = self._awaited(None)
            while step is not None and step is not Step.HALF_CLOSE:
                yield step
                step = self._awaited(self._session.taken())
        except Exception as e:  # Thrown on, gRPC would end the call for it, and say that it was lost.
            LOGGER.exception("a stub can't send")
            self._session.failed(e)

    def _awaited(self, step: bytes | Step | None) -> bytes | Step | None:
        """Waits for a step, if there is none. None: the stream has been cancelled, and must not look
        half-closed before that.
        """
        while step is None:
            with self._condition:
                self._woken = False
            step = self._session.take_step()
            if step is not None:
                break
            with self._condition:
                while not self._woken and not self._given_up:
                    self._condition.wait()
                if self._given_up:
                    return None
        return step

    def _receive(self) -> None:
        """Receives until the stub has ended, on a thread of its own."""
        self._asked.wait()
        stream = self._stream
        if stream is None:
            return
        try:
            if self._session.awaits_answer:
                stream.initial_metadata()
                self._session.answered()
            for frame in stream:
                if not self._session.received(frame):
                    return
            self._session.connection_ended(grpc.StatusCode.OK, "")
        except grpc.RpcError as e:
            error: Any = e
            self._session.connection_ended(
                error.code(), error.details() or "", error.trailing_metadata() or ()
            )
        except BaseException as e:
            LOGGER.exception("a stub can't receive")
            self._session.failed(e)
