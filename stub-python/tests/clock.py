"""The time that the clients of the tests see."""

from __future__ import annotations

import time

import pytest
from faces import Face

from seriatim import _scheduler


class Clock:
    """Goes as every clock does, and is set ahead by tests that have to wait; nothing sets it back."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._ahead = 0.0
        patch.setattr(time, "monotonic", lambda real=time.monotonic: real() + self._ahead)

    def passes(self, seconds: float, face: Face) -> None:
        """Lets so much time pass for a client, which looks at once at what is due then."""
        self._ahead += seconds
        # Whoever's client it is: the thread is the process's, and sleeps for as long as it was before.
        _scheduler.SHARED.at(0.0, lambda: None)
        face.look_at_the_clock()
