"""What a client knows of where objects are."""

from __future__ import annotations

from dataclasses import dataclass

_ID_BITS = 256
_DIGIT_BITS = 4


@dataclass(slots=True)
class _Use:
    """What an address is needed for."""

    hints: int = 0
    stubs: int = 0


class RouteTable:
    """Hints: that the objects whose ids begin with the same bits are at an address.

    The latest one counts; of those that are too many, the one goes that wasn't used for longest. Also says
    which addresses it needs. Has no thread, lock or connection.
    """

    def __init__(self, limit: int) -> None:
        """With so many hints, and ids of names, at most."""
        self._limit = limit
        # Both have that first which wasn't used for longest.
        self._hints: dict[tuple[int, str], str] = {}  # Addresses by prefix.
        self._ids: dict[str, str] = {}  # Of objects that were opened by name.
        self._widths: list[int] = []  # Of how many bits the prefixes are, the longest first.
        self._uses: dict[str, _Use] = {}  # By address.
        self._unused: list[str] = []

    def __len__(self) -> int:
        return len(self._hints)

    def open(self, path: str, object_id: str | None) -> str | None:
        """Where to open a stub on this object, which then counts as open there until it has `ended`; None if
        nothing is known. The path is the namespace and the name, for a caller that doesn't know the id.
        """
        if not self._hints:
            return None
        if object_id is None:
            object_id = self._ids.pop(path, None)
            if object_id is None:
                return None
            self._ids[path] = object_id
        for width in self._widths:
            prefix = _prefix(object_id, width)
            address = self._hints.pop(prefix, None)
            if address is not None:
                self._hints[prefix] = address
                self._use(address).stubs += 1
                return address
        return None

    def ended(self, address: str) -> None:
        """A stub is over that was opened here."""
        self._use(address).stubs -= 1
        self._drop_if_unused(address)

    def learn(self, path: str | None, object_id: str, address: str, bits: int) -> None:
        """The host says that this object is there, and with it those whose ids begin with so many same bits:
        0, if it speaks of this object alone. More than an id has mean nothing, nor does an empty address. The
        path is that of an object whose id its caller didn't know.
        """
        if bits > _ID_BITS or not address:
            return
        width = bits or _ID_BITS
        self._use(address).hints += 1  # First, so that it isn't unused in between.
        self.forget(object_id)
        self._hints[_prefix(object_id, width)] = address
        if len(self._hints) > self._limit:
            self._remove(next(iter(self._hints)))
        self._count_widths()
        if path is not None:
            self._ids.pop(path, None)
            self._ids[path] = object_id
            if len(self._ids) > self._limit:
                del self._ids[next(iter(self._ids))]

    def forget(self, object_id: str) -> None:
        """The object is where stubs are opened without a hint."""
        for width in self._widths:
            prefix = _prefix(object_id, width)
            if prefix in self._hints:
                self._remove(prefix)
        self._count_widths()

    def forget_address(self, address: str) -> None:
        """A stub that was opened here says that it wasn't a good idea."""
        use = self._uses.get(address)
        if use is None or use.hints == 0:
            return
        for prefix in [prefix for prefix, there in self._hints.items() if there == address]:
            self._remove(prefix)
        self._count_widths()

    def take_unused(self) -> list[str]:
        """The addresses that no hint and no stub needs any more, since this was last asked."""
        unused = [address for address in self._unused if address not in self._uses]
        self._unused = []
        return unused

    def _remove(self, prefix: tuple[int, str]) -> None:
        address = self._hints.pop(prefix)
        self._use(address).hints -= 1
        self._drop_if_unused(address)

    def _count_widths(self) -> None:
        self._widths = sorted({width for width, _ in self._hints}, reverse=True)

    def _use(self, address: str) -> _Use:
        return self._uses.setdefault(address, _Use())

    def _drop_if_unused(self, address: str) -> None:
        if self._uses[address] == _Use():
            del self._uses[address]
            self._unused.append(address)


def _prefix(object_id: str, bits: int) -> tuple[int, str]:
    """The first bits of an id, and how many they are."""
    whole, rest = divmod(bits, _DIGIT_BITS)
    digits = object_id[:whole]
    if rest:
        digits += format(int(object_id[whole], 16) >> (_DIGIT_BITS - rest), "x")
    return bits, digits
