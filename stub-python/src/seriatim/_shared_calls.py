"""The shared calls of one client, over which its stubs are spread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from seriatim._link import Carried, Link, OnLane
from seriatim._options import ClientOptions
from seriatim._shared_call import HandOver, Owner, SharedCall, SharedLane
from seriatim._watchdog import Timers


class SharedCalls(Owner):
    """Has as many shared calls as the options say, each from the first stub that needs it.

    Safe for any number of threads.
    """

    def __init__(
        self,
        options: ClientOptions,
        make_link: Callable[[Carried], Link],
        timers: Timers,
        prepare: Callable[[], None] = lambda: None,
        hand_over: HandOver | None = None,
    ) -> None:
        """`prepare` gets what `hand_over` takes; an exception, if that can't be had."""
        self._options = options
        self._make_link = make_link
        self._timers = timers
        self._prepare = prepare
        self._hand_over = hand_over
        self._known_not = False  # The host has none. For good.
        # Guards all below; no call's lock is taken before it.
        self._lock = threading.Lock()
        self._places: list[SharedCall | None] = [None] * options.shared_calls
        self._next = 0
        self._all: set[SharedCall] = set()  # Those that haven't ended.
        self._closed = False
        self._joins = self._join  # The same for all lanes.

    def lane(self, session: OnLane) -> SharedLane | None:
        """A lane for a session; None, if the host has no shared calls."""
        if self._known_not:
            return None
        self._prepare()
        return SharedLane(session, self._joins, self._hand_over)

    def _join(self, lane: SharedLane) -> None:
        waiting: SharedCall | None = None
        with self._lock:
            place = self._next
            self._next = (place + 1) % len(self._places)
            shared = self._places[place]
            if shared is not None and shared.is_waiting and not lane.patient:
                shared, waiting = None, shared
            if shared is None:
                shared = SharedCall(
                    self, self._options, self._make_link, self._timers, self._hand_over, patient=lane.patient
                )
                shared.start()
                self._places[place] = shared
                self._all.add(shared)
        if waiting is not None:
            waiting.retire()
        if not shared.join(lane):
            self.retired(shared)
            self._join(lane)
        elif self._closed:
            shared.retire()

    def close(self) -> None:
        """The client has been closed: each call ends with the last of its stubs."""
        with self._lock:
            self._closed = True
            shared_calls = list(self._all)
        for shared in shared_calls:
            shared.retire()

    def forked(self) -> None:
        """In the child of a fork."""
        self._lock = threading.Lock()
        for shared in self._all:
            shared.forked()

    # ---- what shared calls do -----------------------------------------------------------------------

    def retired(self, shared: SharedCall) -> None:
        """See `Owner`."""
        with self._lock:
            for place, there in enumerate(self._places):
                if there is shared:
                    self._places[place] = None

    def ended(self, shared: SharedCall) -> None:
        """See `Owner`."""
        self.retired(shared)
        with self._lock:
            self._all.discard(shared)

    def has_no_shared_calls(self) -> None:
        """See `Owner`."""
        self._known_not = True
