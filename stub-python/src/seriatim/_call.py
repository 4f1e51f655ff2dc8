"""One call of the threaded API, as its caller sees it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

import grpc

from seriatim._failures import CallFailure, FailureCause, Fate, cancelled
from seriatim._transport import call_back, refuse_to_wait_here

if TYPE_CHECKING:
    _CallAndFuture = grpc._CallFuture[Any]
else:

    class _CallAndFuture(grpc.Call, grpc.Future):
        pass


class RaisedCallFailure(CallFailure, _CallAndFuture):  # type: ignore[misc]
    """What the threaded API raises. Like the errors of gRPC itself it is also the failed call, so that
    interceptors, which get the error in place of the call, can ask it for its result.
    """

    __module__ = CallFailure.__module__  # What a traceback calls it: by the name under which it is caught.
    __qualname__ = CallFailure.__qualname__

    def __reduce__(self) -> tuple[Any, ...]:
        return CallFailure, (self.cause, self.fate, self.sequence)

    def result(self, timeout: float | None = None) -> NoReturn:
        """Raises this failure."""
        raise self

    def exception(self, timeout: float | None = None) -> RaisedCallFailure:
        """This failure."""
        return self

    def traceback(self, timeout: float | None = None) -> TracebackType | None:
        """Where this failure was raised."""
        return self.__traceback__

    def done(self) -> bool:
        """True."""
        return True

    def running(self) -> bool:
        """False."""
        return False

    def cancelled(self) -> bool:
        """False: the caller did not give the call up."""
        return False

    def cancel(self) -> bool:
        """Does nothing, as the call is done."""
        return False

    def add_done_callback(self, fn: Callable[[Any], Any]) -> None:
        """Calls it at once."""
        fn(self)

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Does nothing, as the call is done."""
        return False

    def is_active(self) -> bool:
        """False."""
        return False

    def time_remaining(self) -> float:
        """Nothing."""
        return 0.0


class StubCall(_CallAndFuture):
    """A call on a stub: the `grpc.Future` and `grpc.Call` that a generated stub's `future` returns.

    Cancelling it gives its reply up: `result` and `exception` raise `grpc.FutureCancelledError`, and
    `failure` says what is known. The call itself is still executed, and the stub goes on. Callbacks run
    on the thread that receives the stub's outcomes and must not block, or, if the call is done, at once.
    """

    def __init__(self, deadline: float | None) -> None:
        self._deadline = deadline
        self._lock = threading.Lock()
        self._done = threading.Lock()  # Held until the call is done; cheaper than an Event.
        self._done.acquire()
        # Guarded by _lock until the call is done, and constant from then on.
        self._response: Any = None
        self._failure: RaisedCallFailure | None = None
        self._cancelled = False
        self._callbacks: list[Callable[[], Any]] | None = []
        self.sequence = 0
        """The number of this call in its stub, or 0 if it got none."""

    # ---- for the stub -------------------------------------------------------------------------------

    def settle(self, response: Any, cause: FailureCause | None, fate: Fate) -> list[Callable[[], Any]]:
        """Ends the call, unless it has ended; without a cause it has a response. Gives the callbacks that are
        to be run now.
        """
        failure = None if cause is None else RaisedCallFailure(cause, fate, self.sequence)
        return self._end(response, failure) or []

    def fail(self, cause: FailureCause, fate: Fate) -> None:
        """Ends the call without a response, unless it has ended."""
        self._finish(None, RaisedCallFailure(cause, fate, self.sequence))

    def forked(self, cause: FailureCause, fate: Fate) -> None:
        """Ends the call in the child of a fork, where callbacks are nobody's: see `Session.forked`."""
        self._lock = threading.Lock()
        if self._callbacks is not None:
            self._callbacks = []
            self.fail(cause, fate)

    def _finish(self, response: Any, failure: RaisedCallFailure | None, *, cancelled: bool = False) -> bool:
        callbacks = self._end(response, failure, cancelled=cancelled)
        for callback in callbacks or ():
            call_back(callback)
        return callbacks is not None

    def _end(
        self, response: Any, failure: RaisedCallFailure | None, *, cancelled: bool = False
    ) -> list[Callable[[], Any]] | None:
        """The callbacks that are to be run now; None, if it has ended before."""
        with self._lock:
            callbacks = self._callbacks
            if callbacks is None:
                return None
            self._response = response
            self._failure = failure
            self._cancelled = cancelled
            self._callbacks = None  # The last: who finds none, finds the others.
        self._done.release()
        return callbacks

    # ---- grpc.Future --------------------------------------------------------------------------------

    def result(self, timeout: float | None = None) -> Any:
        """The response, waited for up to `timeout` seconds.

        Raises CallFailure if the call failed, grpc.FutureCancelledError if it was cancelled, and
        grpc.FutureTimeoutError if it isn't done by then.
        """
        failure = self.exception(timeout)
        if failure is not None:
            raise failure
        return self._response

    def exception(self, timeout: float | None = None) -> CallFailure | None:
        """Why the call failed; None if it didn't. Waits and raises as `result` does."""
        self._wait(timeout)
        if self._cancelled:
            raise grpc.FutureCancelledError
        return self._failure

    def traceback(self, timeout: float | None = None) -> TracebackType | None:
        """The traceback of the failure, if there is one. Waits and raises as `result` does."""
        failure = self.exception(timeout)
        return failure.__traceback__ if failure else None

    def done(self) -> bool:
        """Whether there is a response or a failure."""
        return self._callbacks is None

    def running(self) -> bool:
        """Whether there is no response or failure yet."""
        return not self.done()

    def cancelled(self) -> bool:
        """Whether the caller gave the call up."""
        return self._cancelled

    def cancel(self) -> bool:
        """Gives the reply up; False if there is one already. The call is still executed in its place."""
        cause = cancelled("the call was cancelled")
        failure = RaisedCallFailure(cause, Fate.UNKNOWN, self.sequence)
        return self._finish(None, failure, cancelled=True)

    def add_done_callback(self, fn: Callable[[Any], Any]) -> None:
        """Has this called with the call when it is done; at once, if it is."""
        self._call_back(lambda: fn(self))

    # ---- grpc.Call ----------------------------------------------------------------------------------

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Has this called when the call is done; False, and not called, if it is done already."""
        with self._lock:
            if self._callbacks is None:
                return False
            self._callbacks.append(callback)
            return True

    def is_active(self) -> bool:
        """Whether there is no response or failure yet."""
        return not self.done()

    def time_remaining(self) -> float | None:  # type: ignore[override]
        """The seconds until the call's timeout; None if it has none."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def code(self) -> grpc.StatusCode:
        """The status code, waited for."""
        self._wait(None)
        return self._failure.code() if self._failure else grpc.StatusCode.OK

    def details(self) -> str:
        """The status message, waited for."""
        self._wait(None)
        return self._failure.details() or "" if self._failure else ""

    def initial_metadata(self) -> tuple[()]:
        """Nothing: outcomes have no metadata."""
        return ()

    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """The details of the status, if it has some, waited for."""
        self._wait(None)
        return tuple(self._failure.trailing_metadata()) if self._failure else ()

    # ---- more ---------------------------------------------------------------------------------------

    @property
    def failure(self) -> CallFailure | None:
        """What is known about a call that failed or was cancelled; None if neither, or not done."""
        return self._failure

    def _wait(self, timeout: float | None) -> None:
        if self._callbacks is None:
            return
        refuse_to_wait_here()
        limit = -1.0 if timeout is None else min(max(0.0, timeout), threading.TIMEOUT_MAX)
        if not self._done.acquire(timeout=limit):
            raise grpc.FutureTimeoutError
        self._done.release()

    def _call_back(self, callback: Callable[[], Any]) -> None:
        if not self.add_callback(callback):
            call_back(callback)
