"""The ids of durable objects."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

MAX_NAME_BYTES = 1024
"""The longest name of an object, in bytes of UTF-8."""

_HALF = 16
_HEX_DIGITS = re.compile(r"[0-9a-f]{64}")
_SHOWN_CHARACTERS = 80


class DurableObjectId:
    """The identity of one durable object: 32 bytes, shown as 64 lower-case hex digits.

    `str(id)` gives the digits and `bytes(id)` the bytes. Two ids are equal if their bytes are; the name
    doesn't count. Made by a namespace, or by `DurableObjectIds`. Immutable.
    """

    __slots__ = ("_bytes", "_name")

    def __init__(self, value: bytes, name: str | None) -> None:
        self._bytes = value
        self._name = name

    @property
    def name(self) -> str | None:
        """The name from which this id was derived, if it was made from a name.

        An id that was made from hex digits or at random doesn't know its name, even if it has one.
        """
        return self._name

    def __bytes__(self) -> bytes:
        return self._bytes

    def __str__(self) -> str:
        return self._bytes.hex()

    def __repr__(self) -> str:
        return f"DurableObjectId({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DurableObjectId) and self._bytes == other._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)


class DurableObjectIds:
    """Makes and checks the ids of one namespace.

    Needs nothing but the namespace's unique key, and no connection: every client and every host derives
    the same ids. An id is a base of 16 bytes, followed by a check of 16 bytes that only this namespace's
    key gives. Safe for any number of threads.
    """

    def __init__(self, unique_key: str) -> None:
        """The ids of the namespace that has this unique key; ValueError if it is empty."""
        if not unique_key:
            raise ValueError("unique key is empty, expected at least one character")
        self._key = hashlib.sha256(unique_key.encode()).digest()

    def from_name(self, name: str) -> DurableObjectId:
        """The id of the object with this name; the same for ever.

        ValueError if the name isn't 1 to 1,024 bytes of UTF-8.
        """
        return DurableObjectId(self._with_check(self._hmac(check_name(name))), name)

    def from_string(self, digits: str) -> DurableObjectId:
        """The id that these digits show.

        ValueError if it isn't 64 lower-case hex digits, or is the id of another namespace.
        """
        if not is_hex(digits):
            shown = digits if len(digits) <= _SHOWN_CHARACTERS else digits[:_SHOWN_CHARACTERS] + "…"
            raise ValueError(f"id '{shown}', expected 64 lower-case hex digits")
        value = bytes.fromhex(digits)
        if value != self._with_check(value[:_HALF]):
            raise ValueError(f"id '{digits}' belongs to another namespace")
        return DurableObjectId(value, None)

    def new_unique_id(self) -> DurableObjectId:
        """A new id that no one else has."""
        return DurableObjectId(self._with_check(secrets.token_bytes(_HALF)), None)

    def _with_check(self, base: bytes) -> bytes:
        return base + self._hmac(base)

    def _hmac(self, message: bytes) -> bytes:
        return hmac.digest(self._key, message, "sha256")[:_HALF]


def check_name(name: str) -> bytes:
    """The name in UTF-8; ValueError if it can't be the name of an object."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError as e:
        raise ValueError(f"name is not valid Unicode: {e}") from e
    if not 1 <= len(encoded) <= MAX_NAME_BYTES:
        raise ValueError(f"name has {len(encoded)} bytes, expected 1 to {MAX_NAME_BYTES}")
    return encoded


def is_hex(text: str) -> bool:
    """Whether this has the form of an id."""
    return _HEX_DIGITS.fullmatch(text) is not None
