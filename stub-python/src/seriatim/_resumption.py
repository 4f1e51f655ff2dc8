"""When a resumable stub gets its next connection, and when it is given up, without a clock."""

from __future__ import annotations

from collections.abc import Callable

from seriatim._options import ClientOptions

OVERLOADED_BACKOFF = 1.0
"""Where there was too much to do, the least wait, in seconds."""


class Resumption:
    """Counts the attempts of one stub. `now` is a time in seconds that never runs backwards."""

    def __init__(self, options: ClientOptions, jitter: Callable[[], float]) -> None:
        """`jitter` gives the random part of a wait, from 0 to 1."""
        self._options = options
        self._jitter = jitter
        self.at: float | None = None
        """When the next connection is to begin, if one is."""
        self._lost_at: float | None = None  # Until there is one again.
        self._opened_at: float | None = None
        self._pause = 0.0  # Before the next attempt.
        self._counts = False  # The next connection goes on with the stub, as far as is known.
        self._resumes = 0  # Those without progress.

    def begins(self) -> None:
        """A connection begins."""
        self.at = None
        self._opened_at = None
        self._resumes += self._counts
        self._counts = False

    def opened(self, now: float) -> None:
        """It is open."""
        self._lost_at = None
        self._opened_at = now

    def progressed(self) -> None:
        """An outcome has come."""
        self._resumes = 0
        self._pause = 0.0

    def goes_on(self, *, counts: bool) -> bool:
        """Whether there may be another connection, the last one having been lost. That one `counts` if there
        could have been progress.
        """
        self._counts = counts
        return not counts or self._resumes < self._options.max_resumes_without_progress

    def plan(self, now: float, *, overloaded: bool) -> float:
        """The next connection is to begin; when."""
        longest = self._options.max_resume_backoff
        if self._opened_at is not None and now >= self._opened_at + longest:
            self._pause = 0.0
        self._opened_at = None
        pause = max(self._pause, OVERLOADED_BACKOFF) if overloaded else self._pause
        self._pause = min(longest, 2 * pause or self._options.resume_backoff)
        half = min(longest, pause) / 2
        self.at = now + half + half * self._jitter()
        if self._lost_at is None:
            self._lost_at = now
        return self.at

    def gives_up_at(self, not_after: float | None) -> float | None:
        """When the stub is given up, if it isn't open by then: not after this, if that is given. None, if it
        has not been lost.
        """
        if self._lost_at is None:
            return None
        at = self._lost_at + self._options.resume_timeout
        return at if not_after is None else min(at, not_after)
