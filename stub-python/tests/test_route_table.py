"""What is known of routes, driven without a connection."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from seeds import seeds

from seriatim._route_table import RouteTable

SOUTH = "south:1"
NORTH = "north:2"


def with_digits(digits: str) -> str:
    return digits.ljust(64, "0")


@pytest.fixture
def table() -> RouteTable:
    return RouteTable(4)


def opened(table: RouteTable, digits: str) -> str | None:
    return table.open("of no use", with_digits(digits))


def test_a_hint_is_for_all_whose_ids_begin_with_the_same_bits(table: RouteTable) -> None:
    table.learn(None, with_digits("ab7"), SOUTH, 10)
    assert [opened(table, digits) for digits in ("ab7", "ab4fff", "ab3", "ab8")] == [SOUTH, SOUTH, None, None]


def test_a_hint_without_bits_is_for_one_object(table: RouteTable) -> None:
    table.learn(None, with_digits("ab7"), SOUTH, 0)
    assert [opened(table, digits) for digits in ("ab7", "ab71")] == [SOUTH, None]


def test_a_hint_that_says_nothing_is_none(table: RouteTable) -> None:
    table.learn(None, with_digits("ab7"), SOUTH, 257)
    table.learn(None, with_digits("ab7"), "", 10)
    assert len(table) == 0
    assert table.take_unused() == []


def test_a_name_is_known_once_an_object_of_that_name_had_a_hint(table: RouteTable) -> None:
    table.learn("A/x", with_digits("ab7"), SOUTH, 10)
    table.learn("A/z", with_digits("ab6"), NORTH, 10)
    assert [table.open(path, None) for path in ("A/x", "A/y", "A/z")] == [NORTH, None, NORTH]


def test_the_latest_hint_counts_however_many_bits_it_has(table: RouteTable) -> None:
    table.learn(None, with_digits("ab7"), SOUTH, 12)
    table.learn(None, with_digits("ab7"), NORTH, 8)
    assert opened(table, "ab7") == NORTH
    assert table.take_unused() == [SOUTH]
    table.learn(None, with_digits("ab7"), SOUTH, 12)
    assert [opened(table, digits) for digits in ("ab7", "ab8")] == [SOUTH, None]
    assert table.take_unused() == []


def test_an_address_is_forgotten_with_all_its_hints(table: RouteTable) -> None:
    for digit, address in (("1", SOUTH), ("2", NORTH), ("3", SOUTH)):
        table.learn(None, with_digits(digit), address, 4)
    assert opened(table, "1") == SOUTH
    table.forget_address(SOUTH)
    assert [opened(table, digit) for digit in "123"] == [None, NORTH, None]
    assert table.take_unused() == []  # A stub is still open there.
    table.ended(SOUTH)
    assert table.take_unused() == [SOUTH]
    assert table.take_unused() == []


def test_the_hint_goes_that_was_not_used_for_longest(table: RouteTable) -> None:
    for digit in "0123":
        table.learn(None, with_digits(digit), f"host:{digit}", 4)
    assert opened(table, "0") == "host:0"
    table.learn(None, with_digits("5"), "host:5", 4)
    assert [opened(table, digit) for digit in "015"] == ["host:0", None, "host:5"]
    assert table.take_unused() == ["host:1"]


@pytest.mark.parametrize("seed", seeds(50))
def test_whatever_happens_no_address_is_lost_or_kept(seed: int) -> None:
    chance = random.Random(seed)
    table = RouteTable(3)
    stubs: Counter[str] = Counter()
    known: set[str] = set()

    def check() -> None:
        for address in table.take_unused():
            assert stubs[address] == 0, f"seed {seed}"
            known.remove(address)

    for _ in range(200):
        object_id, address = with_digits(format(chance.randrange(16), "x")), f"host:{chance.randrange(4)}"
        match chance.randrange(5):
            case 0:
                table.learn(object_id, object_id, address, chance.randint(1, 4))
                known.add(address)
            case 1:
                table.forget(object_id)
            case 2:
                table.forget_address(address)
            case 3:
                there = table.open(object_id, None)
                stubs.update([] if there is None else [there])
            case _:
                if stubs[address]:
                    stubs[address] -= 1
                    table.ended(address)
        check()
        assert len(table) <= 3, f"seed {seed}"
    for number in range(4):
        table.forget_address(f"host:{number}")
    for address in list(stubs.elements()):
        stubs[address] -= 1
        table.ended(address)
    check()
    assert known == set(), f"seed {seed}"
