"""What the stubs of both APIs have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from seriatim._failures import FailureCause
from seriatim._ids import DurableObjectId
from seriatim._session import Session
from seriatim._transport import LOGGER


class Namespace(Protocol):
    """What a stub knows of its namespace."""

    @property
    def name(self) -> str: ...


class StubFace:
    """A stub as its user has it: the session is behind it.

    The session doesn't know its face. So when nobody has the stub any more, nor its channel, nor the methods
    got from that, the face goes, and has the session closed.
    """

    _dropped_said = False

    def __init__(
        self, namespace: Namespace, name: str | None, object_id: DurableObjectId | None, session: Session
    ) -> None:
        self._namespace: Any = namespace
        self._name = name
        self._given_id = object_id
        self._session = session

    @property
    def name(self) -> str | None:
        """The name of the object, if the stub was got by name or with an id that knows its name."""
        return self._name

    @property
    def is_resumable(self) -> bool:
        """Whether the stub outlives its connections: it was got from a namespace that is `resumable`, and its
        host has not said, on the first connection, that it knows nothing of that.
        """
        return self._session.is_resumable

    @property
    def is_broken(self) -> bool:
        """Whether the stub is broken. It isn't when it has been closed and all went well."""
        return self._session.cause is not None

    @property
    def break_cause(self) -> FailureCause | None:
        """Why the stub is broken; None if it isn't."""
        return self._session.cause

    def on_break(self, listener: Callable[[FailureCause], object]) -> None:
        """Has this called once, with the cause, when the stub breaks: after its calls have failed, where they
        are told. At once, on this thread, if that has been. Never, if the stub ends well.
        """
        self._session.on_break(listener)

    def close(self) -> None:
        """Lets no more calls in, and ends the stub when the calls made so far have been answered.

        Doesn't wait for that; `await_end` does. Later calls fail with `Reason.STUB_CLOSED`. Does nothing
        on a stub that is closed or broken.
        """
        self._session.close()

    def cancel(self, message: str = "the stub was cancelled") -> None:
        """Breaks the stub from this side, without waiting for outcomes.

        Calls that were sent have an `UNKNOWN` fate, and the host doesn't start those that haven't started
        by the time it hears of this. Does nothing on a stub that has ended.
        """
        self._session.cancel(message)

    def __repr__(self) -> str:
        return f"<DurableObjectStub {self._namespace.name}/{self._name or self._given_id}>"

    def __del__(self) -> None:
        session = getattr(self, "_session", None)
        if session is not None and session.is_forgotten:
            self._close_later(session)
            if not StubFace._dropped_said:
                StubFace._dropped_said = True
                LOGGER.warning(
                    "%r was dropped without being closed, and is closed now. Close stubs, or use them in "
                    "a with statement: what is open takes room here and on the host. (This is said once.)",
                    self,
                )

    def _close_later(self, session: Session) -> None:
        """Has the session closed. Runs in the midst of anything, so it must not wait for any lock."""
        raise NotImplementedError
