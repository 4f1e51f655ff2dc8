"""What the stubs of one client have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seriatim import _forks
from seriatim._failures import CallFailure, FailureCause, Fate
from seriatim._options import ClientOptions

if TYPE_CHECKING:
    from seriatim._routes import Routes
    from seriatim._session import Session
    from seriatim._shared_calls import SharedCalls


class Connection:
    """A client's limits, and those of its sessions that are open. Belongs to the process that made it."""

    def __init__(self, options: ClientOptions) -> None:
        self.options = options
        self.shared_calls: SharedCalls | None = None
        """What carries its stubs, if they have no calls of their own."""
        self.routes: Routes | None = None
        """Where its stubs are opened, if that is not always at the other end of its channel."""
        self.sessions: set[Session] = set()
        self.forked: FailureCause | None = None
        """Why it is of no use here, in a child of the process that made it."""
        self.is_closed = False
        """Whether what it has is being closed, so that no stub gets another connection."""
        _forks.CONNECTIONS.add(self)

    def check(self) -> None:
        """CallFailure if it is of no use here."""
        if self.forked is not None:
            raise CallFailure(self.forked, Fate.NOT_EXECUTED, 0)

    def close(self) -> None:
        """What it has is about to be closed."""
        self.is_closed = True
        for session in list(self.sessions):
            session.client_closed()

    def fork(self, why: FailureCause) -> None:
        """In the child."""
        self.forked = why
        for session in list(self.sessions):
            session.forked(why)
        self.sessions.clear()
        if self.shared_calls is not None:
            self.shared_calls.forked()
        if self.routes is not None:
            self.routes.forked()
