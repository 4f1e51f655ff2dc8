"""Pipelines five calls on a journal, the third of which throws; says what ran; goes on with a new stub.

usage: journal_threads.py [HOST:PORT]
"""

import sys
import uuid

from journal_pb2 import AppendRequest, ReadRequest
from journal_pb2_grpc import JournalStub

import seriatim


def append(
    journals: seriatim.DurableObjectNamespace, name: str, lines: list[str]
) -> list[tuple[str, seriatim.CallFailure]]:
    """Appends all lines through one stub, without waiting in between, and gives back those that failed."""
    failed = []
    with journals.get_by_name(name) as stub:
        journal = JournalStub(stub.channel())
        calls = [(line, journal.Append.future(AppendRequest(line=line))) for line in lines]
        for line, call in calls:
            try:
                print(f'  "{line}" is line {call.result().index}')
            except seriatim.CallFailure as failure:
                print(f'  "{line}" {failure.fate.value}: {failure.cause}')
                failed.append((line, failure))
    return failed


def main(target: str) -> None:
    """The example."""
    with seriatim.DurableObjects.connect(target) as objects:
        journals = objects.namespace("JOURNAL")
        name = f"example-{uuid.uuid4()}"
        print("Five lines, one of them empty, through one stub:")
        failed = append(journals, name, ["one", "two", "", "four", "five"])

        print("What had no effect, but for the line to blame, through a new stub:")
        again = [
            line
            for line, failure in failed
            if failure.fate is seriatim.Fate.NOT_EXECUTED and failure.sequence != failure.failed_sequence
        ]
        append(journals, name, again)

        print("The journal:")
        with journals.get_by_name(name) as stub:
            for line in JournalStub(stub.channel()).Read(ReadRequest()).lines:
                print(f"  {line}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "localhost:7070")
