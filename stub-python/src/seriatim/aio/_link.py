"""Carries an asyncio stub, or a call that many share."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from grpc import aio

from seriatim._link import Carried, Link, Step
from seriatim._transport import CONNECT_PATH, LOGGER


class AioLink(Link):
    """One gRPC call, with a task that writes and one that reads. Belongs to the loop in which it starts."""

    def __init__(
        self,
        channel: aio.Channel,
        session: Carried,
        tasks: list[asyncio.Task[None]],
        path: str = CONNECT_PATH,
    ) -> None:
        """`tasks` is where its tasks go, for whoever has to wait until they are done."""
        self._channel = channel
        self._session = session
        self._tasks = tasks
        self._path = path
        self._stream: Any = None
        self._wake = asyncio.Event()  # There may be something to write.

    def start(self) -> None:
        """See `Link`."""
        loop = asyncio.get_running_loop()
        self._stream = self._channel.stream_stream(self._path)(wait_for_ready=self.patient or None)
        sender = loop.create_task(self._send(self._stream), name="seriatim-sender")
        receiver = loop.create_task(self._receive(self._stream, sender), name="seriatim-receiver")
        self._tasks[:] = [*(task for task in self._tasks if not task.done()), sender, receiver]

    def wake(self) -> None:
        """See `Link`."""
        self._wake.set()

    def cancel(self) -> None:
        """See `Link`."""
        if self._stream is not None:
            self._stream.cancel()
        self._wake.set()

    def is_connected(self) -> bool | None:
        """See `Link`."""
        try:
            return self._channel.get_state() is grpc.ChannelConnectivity.READY
        except Exception:  # Closed, or a channel that can't say.
            return None

    async def _send(self, stream: Any) -> None:
        """Takes steps until there are none any more. What becomes of the stream, the receiver sees."""
        try:
            await stream.wait_for_connection()  # What never left is known not to have been executed.
            self._session.left()
            step = self._session.take_step()
            while step is not Step.HALF_CLOSE:
                if step is None:
                    self._wake.clear()
                    await self._wake.wait()
                    step = self._session.take_step()
                else:
                    await _write(stream, step)
                    step = self._session.taken()
            await stream.done_writing()
        except (aio.AioRpcError, aio.InternalError, asyncio.InvalidStateError):
            pass  # The stream has ended, and what came before its end may not have been read yet.
        except asyncio.CancelledError:
            if not stream.cancelled():
                raise
        except Exception as e:
            LOGGER.exception("a stub can't send")
            self._session.failed(e)

    async def _receive(self, stream: Any, sender: asyncio.Task[None]) -> None:
        """Receives outcomes until the stream has ended. Only what comes here says how it ended.

        Iterates, since `read` gives nothing more, not even what has arrived, once a write has failed. And
        to the end, since gRPC doesn't cancel such a stream any more, and what isn't read keeps it.
        """
        try:
            if self._session.awaits_answer:
                await stream.initial_metadata()
                self._session.answered()
            async for frame in stream:
                self._session.received(frame)
                # Who has been told may call at once. So the sender looks right behind them, in the same round
                # of the loop, instead of being woken for the next one.
                self._wake.set()
            code = await stream.code()
            details = await stream.details()
            trailers = await stream.trailing_metadata()
            self._session.connection_ended(code, details or "", trailers or ())
        except aio.AioRpcError as e:
            self._session.connection_ended(e.code(), e.details() or "", e.trailing_metadata() or ())
        except asyncio.CancelledError:
            # Of the stream, since its channel was closed, say; or of this task, at the end of its loop.
            self._session.connection_ended(grpc.StatusCode.CANCELLED, "the stub's stream was cancelled")
            if not stream.cancelled():
                raise
        except Exception as e:
            LOGGER.exception("a stub can't receive")
            self._session.failed(e)
        finally:
            stream.cancel()  # Does nothing to a stream that has ended.
            sender.cancel()


async def _write(stream: Any, frame: bytes) -> None:
    """Writes, and leaves it to the reading side to find out how the stream ended if that fails.

    `stream.write` would put a status of its own, INTERNAL, in the place of the one that the host sent or
    is about to send. The call below it doesn't. A stream with interceptors has none and must be written to;
    so it may end with that status, if the host said nothing before.
    """
    below = getattr(stream, "_cython_call", None)
    if below is None:
        await stream.write(frame)
    else:
        await below.send_serialized_message(frame)
