"""When a call may be made again, and how long to wait before."""

from __future__ import annotations

import random
from collections.abc import Callable

from seriatim._failures import CallFailure, Fate


class RetryPolicy:
    """The rules and waits that both kinds of `Retry` share."""

    def __init__(
        self,
        max_attempts: int,
        initial_backoff: float,
        overloaded_backoff: float,
        max_backoff: float,
        jitter: Callable[[], float] | None,
    ) -> None:
        if max_attempts < 1:
            raise ValueError(f"max_attempts {max_attempts}, expected at least 1")
        for name, value in (
            ("initial_backoff", initial_backoff),
            ("overloaded_backoff", overloaded_backoff),
            ("max_backoff", max_backoff),
        ):
            if not value >= 0.001:  # noqa: PLR2004
                raise ValueError(f"{name} {value}, expected at least 0.001")
        self._max_attempts = max_attempts
        self._initial_backoff = initial_backoff
        self._overloaded_backoff = overloaded_backoff
        self._max_backoff = max_backoff
        self._jitter = jitter or random.random

    def is_worth_it(self, failure: CallFailure, attempts: int, *, idempotent: bool) -> bool:
        """Whether a call that has failed this often may be made again."""
        safe = failure.fate is Fate.NOT_EXECUTED or (idempotent and failure.fate is Fate.UNKNOWN)
        return safe and (failure.retryable or failure.overloaded) and attempts < self._max_attempts

    def delay(self, failure: CallFailure, attempts: int) -> float:
        """The seconds to wait: half of the backoff, and up to as much again at random."""
        first = self._overloaded_backoff if failure.overloaded else self._initial_backoff
        backoff = min(first * 2.0 ** min(attempts - 1, 64), self._max_backoff)
        return backoff * (0.5 + 0.5 * self._jitter())
