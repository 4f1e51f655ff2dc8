"""The protocol of one resumable stub, without a connection."""

from __future__ import annotations

import random
from collections.abc import Iterable

import grpc
import pytest
from fakehost import IDS, broken, outcome
from seeds import seeds

from seriatim import ClientOptions, FailureCause, Fate, Reason
from seriatim._ledger import PendingCall, Verdict
from seriatim._resumable_ledger import ResumableLedger
from seriatim.v1 import durable_objects_pb2 as wire

OPEN = wire.Open(namespace="ECHO", name="foo")
ID = b"0123456789abcdef"
RETENTION = 600
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


class Driven:
    """A ledger, and what its owner would do with it: links don't exist here, and time is a number."""

    def __init__(self, **options: float) -> None:
        self.ledger = ResumableLedger(
            ClientOptions(**options),  # type: ignore[arg-type]
            OPEN,
            None,
            ID,
            jitter=lambda: 1.0,
        )
        self.now = 0.0
        self.settled: list[Verdict] = []

    def calls(self, count: int = 1, deadline: float | None = None) -> Driven:
        for _ in range(count):
            assert self.ledger.take(PendingCall("a.B/C", b"", deadline, {}, None)) is None
        return self

    def at(self, now: float) -> Driven:
        self.now = now
        return self

    def begin(self) -> Driven:
        self.ledger.opening(self.now)
        return self

    def frame(self) -> wire.ConnectRequest:
        raw = self.ledger.next_frame(self.now)
        assert raw is not None, "there is no frame"
        return wire.ConnectRequest.FromString(raw)

    def frames(self) -> list[wire.ConnectRequest]:
        return [self.frame() for _ in iter(lambda: self.ledger.has_frame, False)]

    def no_frame(self) -> Driven:
        assert not self.ledger.has_frame
        assert self.ledger.next_frame(self.now) is None
        return self

    def receive(self, response: wire.ConnectResponse) -> Driven:
        self.settled += self.ledger.receive(response.SerializeToString(), self.now)
        if self.ledger.is_lost:
            self.ledger.suspend(self.now)
        return self

    def opened(self, through: int | None = 0, retention: int = RETENTION) -> Driven:
        return self.receive(opened(through, retention))

    def answer(self, first: int, last: int | None = None) -> Driven:
        outcomes = [outcome(n) for n in range(first, (last or first) + 1)]
        return self.receive(wire.ConnectResponse(outcomes=outcomes))

    def broken(self, completed_through: int, **fields: object) -> Driven:
        return self.receive(wire.ConnectResponse(broken=broken(completed_through, **fields)))  # type: ignore[arg-type]

    def lost(self, code: grpc.StatusCode = UNAVAILABLE) -> Driven:
        self.settled += self.ledger.connection_ended(code, "gone")
        if self.ledger.is_lost:
            self.ledger.suspend(self.now)
        return self

    def look(self) -> Driven:
        self.settled += self.ledger.overdue(self.now)
        if self.ledger.is_lost:
            self.ledger.suspend(self.now)
        return self

    def resume(self) -> wire.Session:
        """The next connection begins as soon as it may; what it says of the session."""
        for _ in range(10):
            if self.ledger.is_due(self.now):
                break
            assert self.ledger.next_check is not None, "no connection is to begin"
            self.now = max(self.now, self.ledger.next_check)
            self.look()
        assert self.ledger.is_due(self.now)
        self.begin()
        return self.frame().open.session

    def waits(self) -> float:
        """How long it takes until the next connection begins."""
        before = self.now
        self.resume()
        return round(self.now - before, 6)

    def outcomes(self) -> list[tuple[int, str]]:
        told, self.settled = self.settled, []
        return fates(told)


def opened(through: int | None = 0, retention: int = RETENTION) -> wire.ConnectResponse:
    frame = wire.ConnectResponse(opened=wire.Opened(id=str(IDS.from_name("foo")), name="foo"))
    if through is not None:
        frame.opened.session.completed_through = through
        frame.opened.session.retention.seconds = retention
    return frame


def fates(settled: Iterable[Verdict]) -> list[tuple[int, str]]:
    return [(s.call.sequence, s.fate.name if s.cause else "OK") for s in settled]


def numbers(*frames: wire.ConnectRequest) -> list[int]:
    return [i.sequence for frame in frames for i in frame.invocations]


def cause(driven: Driven) -> FailureCause:
    assert driven.ledger.cause is not None
    return driven.ledger.cause


@pytest.fixture
def driven() -> Driven:
    return Driven()


# ---- connections --------------------------------------------------------------------------------------


def test_the_first_connection_need_not_wait(driven: Driven) -> None:
    first = driven.calls(2).begin().frame()
    assert first.open.name == "foo"
    assert first.open.session == wire.Session(id=ID, connection=1)
    assert numbers(first) == [1, 2]
    second = driven.calls().frame()
    assert not second.HasField("open")
    assert driven.opened().ledger.is_resumable
    assert driven.answer(1, 3).outcomes() == [(1, "OK"), (2, "OK"), (3, "OK")]


def test_later_ones_wait_and_send_again_what_the_host_has_not(driven: Driven) -> None:
    driven.calls(5).begin().frame()
    driven.opened().answer(1, 2).calls(2).at(3.0).frame()
    driven.lost().calls()
    assert driven.at(4.0).resume() == wire.Session(
        id=ID, connection=2, answered_through=2, unanswered_for={"seconds": 4}
    )
    again = driven.no_frame().opened(4).frames()
    assert numbers(*again) == [5, 6, 7, 8]
    assert driven.answer(3, 4).answer(5, 8).outcomes() == [(n, "OK") for n in range(1, 9)]
    assert not driven.ledger.is_over


def test_numbers_of_connections_rise_also_where_nothing_came_of_them(driven: Driven) -> None:
    driven.calls().begin().frame()
    assert [driven.lost().resume().connection for _ in range(3)] == [2, 3, 4]


def test_the_age_of_what_is_unanswered_is_that_of_its_first_way(driven: Driven) -> None:
    driven.calls().begin().frame()
    driven.at(1.0).calls().frame()
    driven.opened(0).at(2.0).lost()
    assert driven.resume().unanswered_for.ToSeconds() == 2
    driven.opened(0).frame()
    driven.answer(1).at(3.0).lost()
    assert driven.resume().unanswered_for.ToMilliseconds() == 2_000
    driven.opened(2).answer(2).calls().at(9.0).broken(2, reason="OBJECT_RESET", retryable=True)
    assert not driven.resume().HasField("unanswered_for")


def test_a_call_that_never_left_has_no_age(driven: Driven) -> None:
    driven.calls().begin().lost()
    assert not driven.at(5.0).resume().HasField("unanswered_for")
    assert numbers(*driven.opened().frames()) == [1]


def test_a_host_that_knows_no_sessions(driven: Driven) -> None:
    driven.calls(2).begin().frame()
    assert not driven.opened(None).ledger.is_resumable
    driven.answer(1).calls()
    assert driven.frame().acknowledged_through == 0
    assert driven.lost().outcomes() == [(1, "OK"), (2, "UNKNOWN"), (3, "UNKNOWN")]
    assert cause(driven).reason == Reason.CONNECTION_LOST


def test_a_host_that_knows_no_sessions_behind_one_that_may(driven: Driven) -> None:
    driven.calls(2).begin().frame()
    driven.lost().calls().resume()
    assert driven.opened(None).outcomes() == [(1, "UNKNOWN"), (2, "UNKNOWN"), (3, "NOT_EXECUTED")]
    assert (cause(driven).reason, cause(driven).code) == (Reason.CONNECTION_LOST, UNAVAILABLE)


@pytest.mark.parametrize(("through", "answered"), [(1, 2), (4, 2)])
def test_a_session_that_stands_where_it_cannot(driven: Driven, through: int, answered: int) -> None:
    driven.calls(3).begin().frame()
    driven.opened().answer(1, answered).lost().calls().resume()
    assert driven.opened(through).outcomes()[answered:] == [(3, "UNKNOWN"), (4, "NOT_EXECUTED")]
    assert cause(driven).reason == Reason.HOST_VIOLATION
    assert cause(driven).message == (
        f"the host broke the protocol: opened a session with completed_through {through}, expected 2 to 3"
    )


def test_what_was_ever_sent_counts() -> None:
    driven = Driven(max_frame_invocations=1, max_unanswered_frames=2).calls(2)
    driven.begin().frames()
    driven.lost().resume()
    driven.opened(0).frame()
    driven.lost().resume()
    assert driven.opened(2).answer(1, 2).outcomes() == [(1, "OK"), (2, "OK")]


@pytest.mark.parametrize("code", ["PERMISSION_DENIED", "UNAUTHENTICATED", "UNIMPLEMENTED"])
def test_what_another_connection_would_not_mend(code: str) -> None:
    for connections in (1, 2):
        driven = Driven().calls()
        driven.begin().frame()
        if connections == 2:
            driven.opened(0).lost(grpc.StatusCode[code]).calls().resume()
        assert driven.lost(grpc.StatusCode[code]).outcomes()[0] == (1, "UNKNOWN")
        assert (cause(driven).reason, cause(driven).code.name) == (Reason.CONNECTION_LOST, code)


def test_the_object_stays_the_same(driven: Driven) -> None:
    driven.calls().begin().frame()
    driven.opened().lost().resume()
    other = opened(0)
    other.opened.id = str(IDS.from_name("bar"))
    assert driven.receive(other).outcomes() == [(1, "UNKNOWN")]
    assert cause(driven).reason == Reason.HOST_VIOLATION


def test_a_connection_that_the_host_does_not_open_in_time(driven: Driven) -> None:
    driven.calls().begin().frame()
    driven.at(10.0)
    assert driven.ledger.is_not_open_by(10.0)
    late = FailureCause.of(Reason.OPEN_OVERDUE, UNAVAILABLE, "late", retryable=True)
    assert driven.ledger.lose(late) == []
    driven.ledger.suspend(10.0)
    assert not driven.ledger.is_not_open_by(30.0)
    assert driven.resume().connection == 2


# ---- breaks -------------------------------------------------------------------------------------------


def test_a_break_that_is_retryable(driven: Driven) -> None:
    driven.calls(3).begin().frame()
    driven.opened().answer(1).broken(1, reason="OBJECT_RESET", retryable=True)
    assert driven.resume().answered_through == 1
    assert numbers(*driven.opened(1).frames()) == [2, 3]
    assert driven.answer(2, 3).outcomes() == [(1, "OK"), (2, "OK"), (3, "OK")]


def test_a_break_that_is_final(driven: Driven) -> None:
    driven.calls(3).begin().frame()
    driven.opened().answer(1).lost().resume()
    driven.opened(1).frames()
    driven.broken(1, failed_sequence=2)
    assert driven.outcomes() == [(1, "OK"), (2, "NOT_EXECUTED"), (3, "NOT_EXECUTED")]
    assert cause(driven).reason == Reason.OBJECT_EXCEPTION


def test_a_break_that_contradicts_the_outcomes(driven: Driven) -> None:
    driven.calls(2).begin().frame()
    driven.opened().broken(1, reason="OBJECT_RESET", retryable=True)
    assert driven.outcomes() == [(1, "UNKNOWN"), (2, "UNKNOWN")]
    assert cause(driven).reason == Reason.HOST_VIOLATION


def test_the_first_connection_cannot_be_opened(driven: Driven) -> None:
    driven.calls(2).begin().frame()
    driven.broken(0, reason="UNKNOWN_NAMESPACE")
    assert driven.outcomes() == [(1, "NOT_EXECUTED"), (2, "NOT_EXECUTED")]


def test_the_first_connection_cannot_be_opened_yet() -> None:
    driven = Driven(resume_timeout=5.0).calls(2)
    driven.begin().frame()
    driven.broken(0, reason="HOST_DRAINING", retryable=True).lost()
    driven.at(6.0).look()
    assert driven.outcomes() == [(1, "NOT_EXECUTED"), (2, "NOT_EXECUTED")]
    assert cause(driven).reason == Reason.HOST_DRAINING


def test_a_later_connection_cannot_be_opened(driven: Driven) -> None:
    driven.calls(2).begin().frame()
    driven.lost().calls().resume()
    driven.broken(0, reason="OWNER_UNAVAILABLE", retryable=True).resume()
    driven.broken(0, reason="SESSION_EXPIRED")
    assert driven.outcomes() == [(1, "UNKNOWN"), (2, "UNKNOWN"), (3, "NOT_EXECUTED")]
    assert cause(driven).reason == Reason.SESSION_EXPIRED


def test_a_session_that_was_superseded_by_itself(driven: Driven) -> None:
    driven.calls(2).begin().frame()
    driven.broken(0, reason="SESSION_SUPERSEDED")
    assert driven.resume().connection == 2
    assert driven.broken(0, reason="SESSION_SUPERSEDED").resume().connection == 3
    assert driven.ledger.cancel("enough")[0].fate is Fate.UNKNOWN  # Another one may have had them executed.


# ---- how long, and how often --------------------------------------------------------------------------


def test_waits_grow(driven: Driven) -> None:
    driven.calls().begin().frame()
    waits = [driven.lost().waits() for _ in range(9)]
    assert waits == [0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    driven.opened(1).answer(1).calls().frame()
    assert [driven.lost().waits() for _ in range(2)] == [0, 0.05]


def test_half_of_a_wait_is_random() -> None:
    driven = Driven(resume_backoff=1.0).calls()
    driven.ledger._resumption._jitter = lambda: 0.0
    driven.begin().frame()
    assert [driven.lost().waits() for _ in range(4)] == [0, 0.5, 1.0, 2.0]


def test_after_a_while_a_connection_is_lost_for_the_first_time_again(driven: Driven) -> None:
    driven.calls().begin().frame()
    assert [driven.lost().waits() for _ in range(5)] == [0, 0.05, 0.1, 0.2, 0.4]
    driven.opened(0).frames()
    assert driven.lost().waits() == 0.8
    driven.opened(0).frames()
    assert driven.at(driven.now + 5).lost().waits() == 0


def test_where_there_was_too_much_to_do_the_wait_is_longer(driven: Driven) -> None:
    driven.calls().begin().frame()
    driven.opened().broken(0, reason="X", retryable=True, overloaded=True)
    assert driven.waits() == 1.0
    assert driven.lost().waits() == 2.0


def test_no_wait_is_longer_than_the_longest() -> None:
    driven = Driven(max_resume_backoff=0.3).calls()
    driven.begin().frame()
    driven.opened().broken(0, reason="X", retryable=True, overloaded=True)
    assert driven.waits() == 0.3


def test_it_gives_up_in_time(driven: Driven) -> None:
    driven.calls().begin().frame()
    driven.opened().at(100.0).lost().calls()
    tries = 0
    while driven.ledger.cause is None:
        assert driven.ledger.next_check is not None
        driven.at(max(driven.now, driven.ledger.next_check)).look()
        if driven.ledger.is_due(driven.now):
            driven.begin().lost()
            tries += 1
    assert driven.now == 160.0
    assert tries > 10
    assert driven.outcomes() == [(1, "UNKNOWN"), (2, "NOT_EXECUTED")]
    assert (cause(driven).reason, cause(driven).message) == (Reason.CONNECTION_LOST, "gone")


def test_it_gives_up_while_it_waits_for_the_host(driven: Driven) -> None:
    driven.calls().begin().frame()
    driven.opened().lost().resume()
    driven.at(59.9).look()
    assert driven.ledger.cause is None
    driven.at(60.0).look()
    assert driven.outcomes() == [(1, "UNKNOWN")]


def test_it_gives_up_before_the_host_may_have_forgotten(driven: Driven) -> None:
    driven.calls().begin().at(3.0).frame()
    driven.opened(0, retention=40).at(10.0).lost().at(22.9).look()
    assert driven.ledger.cause is None
    driven.at(23.0).look()
    assert driven.outcomes() == [(1, "UNKNOWN")]


def test_it_does_not_go_on_for_ever_without_progress() -> None:
    driven = Driven(max_resumes_without_progress=2).calls(2)
    driven.begin().frame()
    driven.opened().answer(1)
    for _ in range(2):
        driven.broken(1, reason="OBJECT_RESET", retryable=True).resume()
        driven.lost().resume()  # No host was reached.
        driven.opened(1).frames()
    assert driven.outcomes() == [(1, "OK")]
    driven.broken(1, reason="OBJECT_RESET", retryable=True)
    assert driven.outcomes() == [(2, "NOT_EXECUTED")]
    assert cause(driven).reason == Reason.OBJECT_RESET


def test_an_outcome_is_progress_also_together_with_the_break() -> None:
    driven = Driven(max_resumes_without_progress=1).calls(5)
    driven.begin().frame()
    driven.opened()
    for n in range(1, 5):
        told = wire.ConnectResponse(outcomes=[outcome(n)], broken=broken(n, reason="X", retryable=True))
        driven.receive(told).resume()
        driven.opened(n).frames()
    assert driven.answer(5).outcomes() == [(n, "OK") for n in range(1, 6)]


def test_two_that_take_the_session_from_each_other_end(driven: Driven) -> None:
    driven.calls().begin().frame()
    for _ in range(11):
        driven.opened(0).frames()
        driven.lost(grpc.StatusCode.ABORTED)
        if driven.ledger.cause is None:
            driven.resume()
    assert cause(driven).code is grpc.StatusCode.ABORTED


def test_with_nothing_to_do_it_waits_for_a_call(driven: Driven) -> None:
    driven.calls().begin().frame()
    driven.opened().answer(1).lost().look()
    assert driven.ledger.next_check is None
    driven.at(1000.0).calls()
    assert driven.waits() == 0
    driven.lost().at(1059.0).look()
    assert driven.ledger.cause is None
    assert driven.ledger.next_check == 1059.0 or driven.ledger.is_due(1059.0)
    driven.begin().lost().at(1060.0).look()
    assert driven.outcomes() == [(1, "OK"), (2, "NOT_EXECUTED")]


# ---- acknowledgements ---------------------------------------------------------------------------------


def test_every_frame_acknowledges(driven: Driven) -> None:
    driven.calls(3).begin().frame()
    driven.opened().answer(1, 2).calls()
    assert driven.frame().acknowledged_through == 2
    driven.answer(3).lost()
    driven.resume()
    assert driven.ledger._acknowledged == 3
    assert driven.opened(4).no_frame().answer(4).calls().frame().acknowledged_through == 4


def test_it_acknowledges_alone_when_it_has_nothing_to_send() -> None:
    driven = Driven(max_frame_invocations=1000, max_unanswered_frames=1).calls(600)
    driven.begin().frame()
    driven.opened().answer(1, 255).no_frame().answer(256)
    alone = driven.frame()
    assert alone == wire.ConnectRequest(acknowledged_through=256)
    driven.no_frame().answer(257, 511).no_frame().answer(512)
    driven.calls()  # Which must wait, as a frame is unanswered.
    assert driven.frame() == wire.ConnectRequest(acknowledged_through=512)
    driven.no_frame().answer(513, 600)
    assert numbers(driven.frame()) == [601]


def test_it_acknowledges_many_bytes_alone(driven: Driven) -> None:
    driven.calls(3).begin().frame()
    large = wire.Outcome(sequence=1, message=bytes(65_536))
    driven.opened().receive(wire.ConnectResponse(outcomes=[large]))
    assert driven.frame() == wire.ConnectRequest(acknowledged_through=1)
    driven.no_frame().answer(2).no_frame()


def test_a_host_without_sessions_is_acknowledged_nothing(driven: Driven) -> None:
    driven.calls(1000).begin().frames()
    driven.opened(None).answer(1, 1000).no_frame()


# ---- the end ------------------------------------------------------------------------------------------


def test_it_half_closes_behind_the_acknowledgement(driven: Driven) -> None:
    driven.calls(2).begin().frame()
    driven.ledger.close(0.0)
    assert not driven.ledger.is_done_sending
    driven.opened().answer(1)
    assert not driven.ledger.is_done_sending
    driven.answer(2)
    assert not driven.ledger.is_done_sending
    assert driven.frame() == wire.ConnectRequest(acknowledged_through=2)
    assert driven.no_frame().ledger.is_done_sending
    driven.lost(grpc.StatusCode.OK)
    assert driven.ledger.is_over
    assert driven.ledger.cause is None


def test_with_a_host_without_sessions_it_half_closes_at_once(driven: Driven) -> None:
    driven.calls(2).begin().frame()
    driven.ledger.close(0.0)
    assert driven.opened(None).ledger.is_done_sending


def test_closed_it_goes_on_until_all_is_answered(driven: Driven) -> None:
    driven.calls(2).begin().frame()
    driven.opened().answer(1)
    driven.ledger.close(0.0)
    driven.lost().resume()
    assert numbers(*driven.opened(1).frames()) == [2]
    driven.answer(2).lost()
    assert driven.ledger.is_over
    assert driven.outcomes() == [(1, "OK"), (2, "OK")]
    assert driven.ledger.cause is None


def test_closed_without_a_connection_and_with_nothing_unanswered(driven: Driven) -> None:
    driven.calls().begin().frame()
    driven.opened().answer(1).lost()
    driven.ledger.close(0.0)
    assert driven.ledger.is_over
    assert driven.ledger.cause is None


def test_cancelled_without_a_connection(driven: Driven) -> None:
    driven.calls().begin().frame()
    driven.lost().calls()
    assert fates(driven.ledger.cancel("enough")) == [(1, "UNKNOWN"), (2, "NOT_EXECUTED")]
    assert not driven.ledger.is_due(1000.0)


# ---- deadlines ----------------------------------------------------------------------------------------


def test_a_deadline_passes_without_a_connection(driven: Driven) -> None:
    driven.calls(1, deadline=5.0).begin().frame()
    driven.opened().lost().calls(1, deadline=5.0).calls()
    driven.resume()
    driven.lost().at(5.0).look()
    assert driven.outcomes() == [(1, "UNKNOWN"), (2, "NOT_EXECUTED")]
    driven.resume()
    again = driven.opened(0).frame()
    assert numbers(again) == [1, 2, 3]
    for invocation in again.invocations[:2]:
        assert invocation.HasField("timeout")
        assert invocation.timeout.ToNanoseconds() == 0
    driven.broken(0, reason="INVOCATION_TIMED_OUT", failed_sequence=1)
    assert driven.outcomes() == [(3, "NOT_EXECUTED")]


def test_a_call_that_waits_for_the_hosts_word_does_so_no_more(driven: Driven) -> None:
    driven.calls(1, deadline=5.0).begin().frame()
    driven.opened().at(5.0).look().lost().look()
    assert driven.outcomes() == [(1, "UNKNOWN")]


def test_it_does_not_wait_for_the_next_connection_either() -> None:
    driven = Driven(resume_backoff=50.0, max_resume_backoff=50.0).calls(1, deadline=5.0)
    driven.begin().frame()
    driven.lost().resume()
    driven.opened(0).frame()
    driven.at(5.0).look().lost().look()
    assert driven.outcomes() == [(1, "UNKNOWN")]


def test_a_host_that_says_nothing_after_a_deadline_is_suspect(driven: Driven) -> None:
    driven.calls(1, deadline=5.0).calls().begin().frame()
    driven.opened().at(5.0).look().at(6.0).look()
    assert driven.outcomes() == [(1, "UNKNOWN")]
    session = driven.resume()
    assert (session.connection, session.answered_through) == (2, 0)
    assert driven.opened(1).answer(1).ledger.answered == 1
    assert numbers(*driven.frames()) == [2]


def test_a_host_is_suspect_once_until_it_answers(driven: Driven) -> None:
    for deadline in range(10, 40):
        driven.calls(1, deadline=float(deadline))
    driven.begin().frame()
    driven.opened().at(11.0).look()
    assert driven.resume().connection == 2
    driven.opened(0).frames()
    for now in range(12, 31):
        driven.at(float(now)).look()
    assert not driven.ledger.is_lost
    assert not driven.ledger.is_due(30.0)
    driven.answer(1, 21).at(33.0).look()
    assert driven.resume().connection == 3


def test_a_call_behind_one_that_may_take_longer_makes_nobody_suspect(driven: Driven) -> None:
    driven.calls().calls(1, deadline=5.0).begin().frame()
    driven.opened().at(5.0).look()
    assert driven.outcomes() == [(2, "UNKNOWN")]
    assert not driven.ledger.is_lost
    assert driven.answer(1, 2).outcomes() == [(1, "OK")]


# ---- room ---------------------------------------------------------------------------------------------


def test_what_was_sent_does_not_count_as_waiting() -> None:
    driven = Driven(max_buffered_invocations=2).calls(2)
    driven.begin().frame()
    driven.opened().lost().calls(2)
    refusal = driven.ledger.take(PendingCall("a.B/C", b"", None, {}, None))
    assert refusal is not None
    assert refusal.reason == Reason.BUFFER_FULL


def test_a_host_without_lanes_has_seen_nothing(driven: Driven) -> None:
    driven.calls(2).begin().frame()
    driven.ledger.take_back()
    first = driven.frame()
    assert first.open.session == wire.Session(id=ID, connection=1)
    assert numbers(first) == [1, 2]


@pytest.mark.parametrize("seed", seeds(20))
def test_a_frame_that_fits_has_no_more_bytes_than_there_is_room_for(seed: int) -> None:
    rng = random.Random(seed)
    driven = Driven(max_frame_invocations=3, max_unanswered_frames=10).calls(rng.randint(1, 10)).begin()
    for _ in range(3):
        while driven.ledger.has_frame:
            least = next(room for room in range(0, 1_000, 5) if driven.ledger.fits(room))
            raw = driven.ledger.next_frame(driven.now)
            assert raw is not None
            assert len(raw) <= least, f"seed {seed}"
        if rng.random() < 0.7:
            driven.opened(0)
            continue
        driven.at(driven.now + rng.random() * 10).lost().look().at(driven.now + 5.1).begin()


class Record:
    """A host that remembers: it executes each call once, and loses what has not been taken in."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.executed: list[int] = []
        self._inbox: list[int] = []
        self._told = 0
        self._connection = 0
        self._is_open = False

    def take(self, frame: wire.ConnectRequest) -> None:
        if frame.HasField("open"):
            session = frame.open.session
            assert session.connection > self._connection
            assert session.HasField("unanswered_for") or session.answered_through == len(self.executed)
            self._connection = session.connection
            self._inbox.clear()
            self._is_open = False
            self._told = session.answered_through
        assert frame.acknowledged_through <= self._told
        if frame.invocations:
            assert self._is_open or self._connection == 1, "invocations came before 'opened'"
            first = self._inbox[-1] if self._inbox else len(self.executed)
            assert numbers(frame) == list(range(first + 1, first + 1 + len(frame.invocations)))
            self._inbox += numbers(frame)

    def runs(self) -> None:
        """Executes some."""
        for _ in range(self._rng.randint(0, len(self._inbox))):
            self.executed.append(self._inbox.pop(0))

    def says(self) -> wire.ConnectResponse:
        """What it has to say, or some of it."""
        if not self._is_open:
            self._is_open = True
            return opened(len(self.executed))
        self.runs()
        upto = self._rng.randint(self._told, len(self.executed))
        first, self._told = self._told + 1, upto
        return wire.ConnectResponse(outcomes=[outcome(n) for n in range(first, upto + 1)])

    def breaks(self) -> wire.ConnectResponse:
        """Ends the connection, for a reason that is none of the stub's."""
        if not self._is_open:
            return wire.ConnectResponse(broken=broken(0, reason="HOST_DRAINING", retryable=True))
        rest = [outcome(n) for n in range(self._told + 1, len(self.executed) + 1)]
        self._inbox.clear()
        return wire.ConnectResponse(
            outcomes=rest, broken=broken(len(self.executed), reason="OBJECT_RESET", retryable=True)
        )


@pytest.mark.parametrize("seed", seeds(1000))
def test_whatever_happens_each_call_is_executed_once_and_told_truly(seed: int) -> None:
    rng = random.Random(seed)
    driven = Driven(
        max_unanswered_frames=rng.randint(1, 4),
        max_frame_invocations=rng.randint(1, 5),
        resume_timeout=10_000.0,
        end_timeout=10_000.0,
        max_resumes_without_progress=1_000,
    )
    ledger = driven.calls().begin().ledger
    record = Record(rng)
    accepted, is_up, closed = 1, True, False
    sent = 0
    gives_up = rng.random() < 0.3

    def hears(response: wire.ConnectResponse) -> None:
        nonlocal is_up
        driven.receive(response)
        is_up = is_up and not response.HasField("broken")

    for turn in range(rng.randint(10, 200)):
        if ledger.is_over:
            break
        driven.now += rng.random()
        step = rng.random()
        if step < 0.25 and not closed:
            driven.calls()
            accepted += 1
        elif step < 0.5 and is_up:
            if ledger.has_frame:
                frame = driven.frame()
                sent = max([sent, *numbers(frame)])
                record.take(frame)
        elif step < 0.75 and is_up and not (turn == 0 or (ledger.has_frame and not ledger._open_sent)):
            hears(record.says())
        elif step < 0.8 and is_up and ledger._open_sent:
            hears(record.breaks())
        elif step < 0.88 and is_up:
            record.runs()
            driven.lost()
            is_up = False
        elif step < 0.89:
            ledger.close(driven.now)
            closed = True
        elif step < 0.895 and gives_up:
            driven.settled += ledger.cancel("enough")
        driven.look()
        if not is_up and ledger.is_due(driven.now):
            driven.begin()
            is_up = True
    while not ledger.is_over and ledger.answered < accepted:
        if not is_up:
            record.take(wire.ConnectRequest(open={"session": driven.resume()}))
            is_up = True
        for frame in driven.frames():
            record.take(frame)
        hears(record.says())
    assert record.executed == list(range(1, len(record.executed) + 1)), f"seed {seed}"
    told = dict(fates(driven.settled))
    if ledger.cause is None:
        assert list(told.values()) == ["OK"] * accepted, f"seed {seed}"
        assert len(record.executed) == accepted
        return
    assert ledger.cause.reason == Reason.STUB_CANCELLED, f"seed {seed}: {ledger.cause}"
    assert sorted(told) == list(range(1, accepted + 1))
    for number, fate in told.items():
        if fate == "OK":
            assert number <= len(record.executed)
        elif fate == "NOT_EXECUTED":
            assert number > len(record.executed), f"seed {seed}: call {number} was executed"
        else:
            assert ledger.answered < number <= sent, f"seed {seed}: call {number} was never sent"
