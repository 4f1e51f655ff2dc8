"""What runs things later for threads."""

from __future__ import annotations

import gc
import threading
import time
from functools import partial
from random import Random

import pytest
from fakehost import WAIT_SECONDS
from seeds import seeds

from seriatim._scheduler import ScheduledAction, Scheduler


@pytest.mark.parametrize("seed", seeds(5))
def test_actions_run_in_the_order_of_their_times(seed: int) -> None:
    random = Random(seed)
    scheduler = Scheduler()
    now = time.monotonic()
    ran: list[float] = []
    done = threading.Event()
    asked: dict[float, ScheduledAction] = {}
    for when in {now - 0.005 + random.randrange(200) / 20_000 for _ in range(200)}:
        asked[when] = scheduler.at(when, partial(ran.append, when))
    for when in random.sample(sorted(asked), 20):
        asked.pop(when).cancel()
    scheduler.at(now + 0.05, done.set)
    scheduler.prepare()
    assert done.wait(WAIT_SECONDS)
    assert ran == sorted(asked), f"seed {seed}"


def test_what_is_earlier_than_all_others_wakes_the_thread() -> None:
    scheduler = Scheduler()
    scheduler.prepare()
    scheduler.at(time.monotonic() + 3600.0, lambda: None)
    for _ in range(100):
        done = threading.Event()
        scheduler.at(time.monotonic() + 0.001, done.set)
        assert done.wait(WAIT_SECONDS)


def test_what_is_cancelled_is_forgotten() -> None:
    scheduler = Scheduler()
    scheduler.prepare()
    scheduler.at(time.monotonic() + 1800.0, lambda: None)
    for _ in range(20_000):
        scheduler.at(time.monotonic() + 3600.0, lambda: None).cancel()
    done = threading.Event()
    scheduler.at(0.0, done.set)
    assert done.wait(WAIT_SECONDS)
    done.clear()
    scheduler.at(0.0, done.set)
    assert done.wait(WAIT_SECONDS)
    gc.collect()
    left = sum(isinstance(each, ScheduledAction) for each in gc.get_objects())
    assert left < 5_000
