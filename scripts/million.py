#!/usr/bin/env python3
"""The parts of scripts/test-million that are easier in Python. Needs the package of stub-python, and counter_pb2.

usage: million.py key TARGET                     print the unique key of COUNTER
       million.py fill KEY FILE STAY COUNT       put COUNT objects of COUNTER into a host's SQLite FILE that no host uses, and
                                                 write into STAY which these are, in the order of ListObjects
       million.py churn TARGET COUNT BEGUN       make, wake and delete objects between these, and make the file BEGUN when the
                                                 first has come; from then on SIGTERM ends it well
       million.py pages TARGET STAY              go through all pages of ListObjects, and hold them to STAY
       million.py lines STAY                     the same with what `seriatim objects -o json` prints, on standard input
"""

import json
import pathlib
import random
import signal
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterable, Iterator

import grpc
from counter_pb2 import CounterValue, GetRequest, IncrementRequest
from counter_pb2_grpc import CounterStub

import seriatim
from seriatim.admin.v1 import admin_pb2
from seriatim.v1 import durable_objects_pb2

NAMESPACE = "COUNTER"
COMES_AND_GOES = "+"  # Is in the name of no object that stays.
DUE = 4_102_444_800_000  # The first day of 2100.
PAGE = 1_000
AT_A_TIME = 20  # Of those that come, before one goes for each.


def name_of(number: int) -> str:
    return f"customer-{number:07d}"


def is_nameless(number: int) -> bool:
    return number % 100 == 99


def has_alarm(number: int) -> bool:
    return number % 100 == 50


def place(name: str | None, object_id: str) -> tuple[bool, bytes, str]:
    """Where it stands in the one namespace: those with a name first, all by their bytes."""
    return name is None, (name or "").encode(), object_id


# ---- the database


def key(target: str) -> None:
    with grpc.insecure_channel(target) as channel:
        describe = channel.unary_unary(
            "/seriatim.v1.DurableObjects/DescribeNamespace",
            request_serializer=durable_objects_pb2.DescribeNamespaceRequest.SerializeToString,
            response_deserializer=durable_objects_pb2.DescribeNamespaceResponse.FromString,
        )
        print(describe(durable_objects_pb2.DescribeNamespaceRequest(name=NAMESPACE)).unique_key)


def fill(unique_key: str, file: str, stay: str, count: str) -> None:
    numbers = list(range(int(count)))
    random.Random(1).shuffle(numbers)  # So that the order of the rows is not that of the names.
    objects, entries, alarms, lines = [], [], [], []
    ids = seriatim.DurableObjectIds(unique_key, namespace=NAMESPACE)
    for row, number in enumerate(numbers, start=1):
        name = None if is_nameless(number) else name_of(number)
        object_id = ids.new_unique_id() if name is None else ids.from_name(name)
        objects.append((row, NAMESPACE, bytes(object_id), name))
        entries.append((row, "value", CounterValue(value=number + 1).SerializeToString()))
        if number % 10 == 0:
            entries.append((row, "note/\N{SNOWMAN}", bytes((number % 256, 0, 255))))
        if has_alarm(number):
            slot = bytes(object_id)[0] << 2 | bytes(object_id)[1] >> 6
            alarms.append((row, NAMESPACE, slot, DUE + number))
        lines.append((name, str(object_id), has_alarm(number)))
    database = sqlite3.connect(file)
    database.execute("PRAGMA synchronous = OFF")
    with database:
        database.executemany("INSERT INTO objects (object, namespace, id, name) VALUES (?, ?, ?, ?)", objects)
        database.executemany("INSERT INTO entries (object, key, value) VALUES (?, ?, ?)", entries)
        database.executemany("INSERT INTO alarms (object, namespace, slot, due, retries) VALUES (?, ?, ?, ?, 0)", alarms)
    database.close()
    lines.sort(key=lambda line: place(line[0], line[1]))
    with open(stay, "w", encoding="utf-8") as to:
        to.writelines(json.dumps(line) + "\n" for line in lines)


# ---- what comes and goes


def churn(target: str, count: str, begun: str) -> None:
    running = True

    def stop(*_: object) -> None:
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    made = deleted = woken = 0
    there: list[str] = []
    channel = grpc.insecure_channel(target)
    delete = channel.unary_unary(
        "/seriatim.admin.v1.Admin/DeleteObject",
        request_serializer=admin_pb2.DeleteObjectRequest.SerializeToString,
        response_deserializer=admin_pb2.DeleteObjectResponse.FromString,
    )
    with seriatim.DurableObjects.connect(target) as client:
        namespace = client.namespace(NAMESPACE)
        while running:
            near = name_of(random.randrange(int(count)))
            with namespace.get_by_name(near + COMES_AND_GOES + str(made)) as stub:
                CounterStub(stub.channel()).Increment(IncrementRequest(amount=1))
                there.append(near + COMES_AND_GOES + str(made))
                made += 1
            if made == 1:
                pathlib.Path(begun).touch()
            if not is_nameless(int(near[-7:])):
                with namespace.get_by_name(near) as stub:
                    CounterStub(stub.channel()).Get(GetRequest())
                    woken += 1
            if len(there) > AT_A_TIME:
                index = random.randrange(len(there))
                there[index], there[-1] = there[-1], there[index]
                name = admin_pb2.ObjectName(namespace=NAMESPACE, name=there.pop())
                delete(admin_pb2.DeleteObjectRequest(object=name))
                deleted += 1
        for left in there:
            delete(admin_pb2.DeleteObjectRequest(object=admin_pb2.ObjectName(namespace=NAMESPACE, name=left)))
    print(f"meanwhile {made:,} came, {deleted:,} of them went, and {woken:,} of those that stay were woken", flush=True)


# ---- what is listed


def hold(listed: Iterable[tuple[str | None, str, bool, bool]], stay: str) -> None:
    """Name, id, whether it is stored, whether it has an alarm."""
    seen = passing = 0
    last: tuple[bool, bytes, str] | None = None
    with open(stay, encoding="utf-8") as file:
        expected = (tuple(json.loads(line)) for line in file)
        following = next(expected, None)
        for name, object_id, stored, alarm in listed:
            here = place(name, object_id)
            if last is not None and here <= last:
                sys.exit(f"{here} came behind {last}, expected them in order and each once")
            last = here
            if name is not None and COMES_AND_GOES in name:
                passing += 1
                continue
            if following is None or (name, object_id) != following[:2]:
                sys.exit(f"{(name, object_id)} came, expected {following}")
            if not stored or alarm != following[2]:
                sys.exit(f"{name or object_id}: stored {stored}, alarm {alarm}, expected it stored, and {following[2]}")
            seen += 1
            following = next(expected, None)
    if following is not None:
        sys.exit(f"the last one came, and {following} did not")
    print(f"{seen:,} that were there all the time, each once and in order, and {passing:,} that came or went", flush=True)


def pages(target: str, stay: str) -> None:
    channel = grpc.insecure_channel(target)
    ask = channel.unary_unary(
        "/seriatim.admin.v1.Admin/ListObjects",
        request_serializer=admin_pb2.ListObjectsRequest.SerializeToString,
        response_deserializer=admin_pb2.ListObjectsResponse.FromString,
    )
    times: list[float] = []

    def all_of_them() -> Iterator[tuple[str | None, str, bool, bool]]:
        token = ""
        while True:
            began = time.perf_counter()
            page = ask(admin_pb2.ListObjectsRequest(namespace=NAMESPACE, page_size=PAGE, page_token=token))
            times.append(time.perf_counter() - began)
            for listed in page.objects:
                name = listed.name if listed.HasField("name") else None
                yield name, listed.id, listed.stored, listed.HasField("alarm")
            token = page.next_page_token
            if not token:
                return

    hold(all_of_them(), stay)
    centiles = statistics.quantiles(times, n=100) if len(times) > 1 else 100 * times
    print(
        f"{len(times):,} pages in {sum(times):.1f} s: p50 {centiles[49] * 1e3:.1f} ms,"
        f" p99 {centiles[98] * 1e3:.1f} ms, longest {max(times) * 1e3:.1f} ms",
        flush=True,
    )


def lines(stay: str) -> None:
    parsed = map(json.loads, sys.stdin)
    hold(((line.get("name"), line["id"], line.get("stored", False), "alarm" in line) for line in parsed), stay)


COMMANDS = {"key": key, "fill": fill, "churn": churn, "pages": pages, "lines": lines}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit((__doc__ or "").strip())
    COMMANDS[sys.argv[1]](*sys.argv[2:])
