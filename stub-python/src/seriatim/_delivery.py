"""Who of a stub's callers is told what became of a call, when, and by which thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol

from seriatim._failures import FailureCause
from seriatim._ledger import Ledger, Verdict
from seriatim._link import Link
from seriatim._transport import HERE, LOGGER, call_back

BreakListener = Callable[[FailureCause], object]


class End(Protocol):
    """What is told of the end, once."""

    def set(self) -> None: ...


class Delivery:
    """Tells callers what became of their calls and, when the stub has ended, whom that concerns.

    All is told by one thread at a time, in its order: by whoever finds that there is something to tell, and
    that nobody else is telling.
    """

    def __init__(
        self,
        lock: threading.Lock,
        ledger: Ledger,
        link: Callable[[], Link | None],
        ended: Callable[[], None],
        end: End,
    ) -> None:
        """`link` gives what carries the stub, under the lock. `ended` is called once, when all calls have
        been told and the stub has ended, before anyone else hears of that.
        """
        self._ledger = ledger
        self._end = end
        self._lock = lock  # The session's, and so is the ledger under it. It guards all below.
        self._link: Callable[[], Link | None] | None = link
        self._ended: Callable[[], None] | None = ended
        self.hand_over: Callable[[Callable[[], None]], None] | None = None
        """That of the link. Set before anything has come by it."""
        self.is_telling = False
        """Whether someone is. Under the lock."""
        self._untold: list[Verdict] = []
        self._taken = 0  # Bytes of the frames with outcomes that are being told,
        self._untaken = 0  # and of those behind them.
        self._end_told = False
        self._break_listeners: list[BreakListener] = []

    def on_break(self, listener: BreakListener) -> None:
        """Has this called once when the stub has broken, and its calls have failed; at once, if that has
        been.
        """
        with self._lock:
            cause = self._ledger.cause
            if cause is None or not self._end_told:
                self._break_listeners.append(listener)
                return
        _tell(listener, cause)

    # ---- under the lock -----------------------------------------------------------------------------

    def claim(self, settled: list[Verdict], size: int = 0) -> bool:
        """Whether it is for this thread to `tell`; else someone else does, or nobody must.

        `size` is of the frame with the outcomes, if that is what has settled them.
        """
        if self.is_telling:
            self._untold += settled
            self._untaken += size
            return False
        self.is_telling = bool(settled) or (self._ledger.is_over and not self._end_told)
        if self.is_telling:
            self._taken += size
        return self.is_telling

    def begin_again(self) -> None:
        """Something else carries the stub from now on, and is not told what was taken before."""
        self._taken = self._untaken = 0

    # ---- by whoever has claimed it, without the lock ------------------------------------------------

    def tell(self, settled: list[Verdict]) -> None:
        """Tells these, and what others have settled meanwhile."""
        self._go_on(iter(settled), (), here=self.hand_over is None or not HERE.is_ours)

    def _go_on(
        self, untold: Iterator[Verdict], callbacks: Iterable[Callable[[], object]], *, here: bool
    ) -> None:
        """Runs callbacks, and tells what is untold. Not `here` where callbacks would hold up others: when
        there are some, it goes on elsewhere.
        """
        end = False
        try:
            for callback in callbacks:
                call_back(callback)
            while True:
                for call, response, cause, fate in untold:
                    callbacks = call.target.settle(response, cause, fate)
                    if not callbacks:
                        continue
                    if not here and self.hand_over is not None:
                        self.hand_over(partial(self._go_on, untold, callbacks, here=True))
                        return
                    for callback in callbacks:
                        call_back(callback)
                with self._lock:
                    taken = self._taken
                    self._taken = self._untaken
                    self._untaken = 0
                    link = None if self._link is None else self._link()
                    if not self._untold:
                        self.is_telling = False
                        if self._ledger.is_over:
                            end = not self._end_told
                            self._end_told = True
                        break
                    untold = iter(self._untold)
                    self._untold = []
                if taken and link is not None:
                    link.took(taken)
        except BaseException:
            with self._lock:  # A callback on this very thread was interrupted. The next one tells the others.
                self._untold = [*untold, *self._untold]
                self.is_telling = False
            raise
        if end:
            self._tell_end(here=here)
        elif taken and link is not None:
            link.took(taken)

    def _tell_end(self, *, here: bool) -> None:
        """The calls have been told, and the stub has ended. Once."""
        with self._lock:
            ended = self._ended
            self._link = self._ended = None  # They know the session: what goes around in a circle stays.
            listeners = self._break_listeners
            self._break_listeners = []
        if ended is not None:
            ended()
        if listeners and not here and self.hand_over is not None:
            self.hand_over(partial(self._tell_listeners, listeners))
        else:
            self._tell_listeners(listeners)

    def _tell_listeners(self, listeners: list[BreakListener]) -> None:
        cause = self._ledger.cause
        if cause is not None:
            for listener in listeners:
                _tell(listener, cause)
        self._end.set()

    def forked(self, lock: threading.Lock, cause: FailureCause) -> None:
        """In the child of a fork, which has the only thread. Whoever held the lock is gone, and callbacks are
        the parent's business.
        """
        self._lock = lock
        self._break_listeners = []
        for call, _, _, fate in [*self._untold, *self._ledger.break_with(cause)]:
            call.target.forked(cause, fate)
        self._untold = []
        self.is_telling = False
        self._end_told = True
        self._end.set()


def _tell(listener: BreakListener, cause: FailureCause) -> None:
    try:
        listener(cause)
    except Exception:
        LOGGER.exception("a listener for the break of a stub failed")
