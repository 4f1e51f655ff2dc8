"""One shared call, as a scripted host sees it: see `fakehost`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import grpc
from accepted import NO_MORE, Accepted, End
from google.rpc import status_pb2

from seriatim._lane_messages import ManyResponse
from seriatim.v1 import durable_objects_pb2 as wire

if TYPE_CHECKING:
    from fakehost import FakeHost


class AcceptedLanes:
    """A shared call, as the host sees it. Each of its lanes is as any stub."""

    def __init__(self, host: FakeHost, metadata: dict[str, str | bytes]) -> None:
        self.out: queue.Queue[bytes | End] = queue.Queue()
        self.messages: list[wire.ConnectManyRequest] = []
        self.lanes: dict[int, Accepted] = {}
        self.more_bytes: dict[int, int] = {}
        self.half_closed = threading.Event()
        self.over = threading.Event()
        self._host = host
        self._metadata = metadata

    def read_from(self, requests: Iterator[wire.ConnectManyRequest]) -> None:
        try:
            for request in requests:
                self.messages.append(request)
                for part in request.lanes:
                    self._take(part)
            self.half_closed.set()
        except Exception:  # gRPC raises a bare Exception when the client has gone.
            return
        finally:
            for lane in self.lanes.values():
                lane.take(NO_MORE)

    def _take(self, part: wire.LaneRequest) -> None:
        if part.lane not in self.lanes:
            assert part.lane == len(self.lanes) + 1, f"lane {part.lane} is opened behind {len(self.lanes)}"
            accepted = Accepted(LaneOut(self, part.lane))
            accepted.metadata = self._metadata
            self.lanes[part.lane] = accepted
            self._host.all.append(accepted)
            self._host.stubs.put(accepted)
        lane = self.lanes[part.lane]
        self.more_bytes[part.lane] = self.more_bytes.get(part.lane, 0) + part.more_bytes
        match part.WhichOneof("what"):
            case "frame":
                lane.take(part.frame)
            case "half_close":
                lane.take(NO_MORE)
            case "cancel":
                lane.take(NO_MORE)
                lane.over()

    def has_gone(self) -> None:
        for lane in list(self.lanes.values()):
            lane.take(NO_MORE)
            lane.over()
        self.over.set()
        self.out.put((grpc.StatusCode.OK, "", ()))


class LaneOut:
    """What the host sends on a lane, each in a message of its own."""

    def __init__(self, call: AcceptedLanes, number: int) -> None:
        self._call = call
        self._number = number
        self._ended = False

    def put(self, item: bytes | End) -> None:
        if self._ended:
            return
        if isinstance(item, bytes):
            response = ManyResponse(lanes=[{"lane": self._number, "frame": item}])
        else:
            self._ended = True
            code, message, trailers = item
            lane = self._call.lanes[self._number]
            lane.ended()
            details = dict(trailers).get("grpc-status-details-bin", b"")
            end = status_pb2.Status.FromString(details)
            end.code, end.message = code.value[0], message
            response = ManyResponse(lanes=[{"lane": self._number, "end": end}])
            lane.over()
        self._call.out.put(response.SerializeToString())
