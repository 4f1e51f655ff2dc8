"""When a call may be made again, and how long to wait before."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextvars import ContextVar

from seriatim._failures import CallFailure, Fate


class RetryPolicy:
    """The rules and waits that both kinds of `Retry` share."""

    def __init__(
        self,
        give_up_after: float,
        max_attempts: int | None,
        initial_backoff: float,
        overloaded_backoff: float,
        max_backoff: float,
        jitter: Callable[[], float] | None,
    ) -> None:
        if max_attempts is not None and max_attempts < 1:
            raise ValueError(f"max_attempts {max_attempts}, expected at least 1")
        if not give_up_after >= 0:
            raise ValueError(f"give_up_after {give_up_after}, expected at least 0")
        for name, value in (
            ("initial_backoff", initial_backoff),
            ("overloaded_backoff", overloaded_backoff),
            ("max_backoff", max_backoff),
        ):
            if not value >= 0.001:  # noqa: PLR2004
                raise ValueError(f"{name} {value}, expected at least 0.001")
        self._give_up_after = give_up_after
        self._max_attempts = max_attempts
        self._initial_backoff = initial_backoff
        self._overloaded_backoff = overloaded_backoff
        self._max_backoff = max_backoff
        self._jitter = jitter or random.random

    def new_call(self, *, idempotent: bool) -> RetriedCall:
        """For one call, which may be made several times."""
        return RetriedCall(self, idempotent=idempotent)

    def is_worth_it(self, failure: CallFailure, attempts: int, *, idempotent: bool) -> bool:
        """Whether a call that has failed this often may be made again."""
        safe = failure.fate is Fate.NOT_EXECUTED or (idempotent and failure.fate is Fate.UNKNOWN)
        more = self._max_attempts is None or attempts < self._max_attempts
        return safe and more and (failure.retryable or failure.overloaded)

    def pause(self, failure: CallFailure, attempts: int) -> float:
        """The seconds to wait: a random part of the backoff, so that those who failed together don't come
        back together, and something on top where there was too much to do.
        """
        backoff = min(self._initial_backoff * 2.0 ** min(attempts - 1, 64), self._max_backoff)
        return backoff * self._jitter() + (self._overloaded_backoff if failure.overloaded else 0.0)

    def gives_up_at(self, first_failure: float) -> float:
        """When no attempt may begin any more."""
        return first_failure + self._give_up_after


class RetriedCall:
    """One call on its way through a `Retry`."""

    def __init__(self, policy: RetryPolicy, *, idempotent: bool) -> None:
        self._policy = policy
        self._idempotent = idempotent
        self._attempts = 0
        self._give_up: float | None = None
        self._deadline: float | None = None

    def pause_after(self, failure: CallFailure, now: float) -> float | None:
        """The seconds to wait before the next attempt; None if there is to be none."""
        self._attempts += 1
        if self._give_up is None:
            self._give_up = self._policy.gives_up_at(now)
            if self._deadline is not None:
                self._give_up = min(self._give_up, self._deadline)
        if not self._policy.is_worth_it(failure, self._attempts, idempotent=self._idempotent):
            return None
        pause = self._policy.pause(failure, self._attempts)
        return pause if now + pause < self._give_up else None

    def bound(self, deadline: float) -> float:
        """The deadline of an attempt: the first one's holds for all."""
        if self._deadline is None:
            self._deadline = deadline
        return min(deadline, self._deadline)


BEING_MADE: ContextVar[RetriedCall | None] = ContextVar("seriatim-being-made", default=None)
"""The call that a `Retry` is making here, whose deadline bounds what is called."""
