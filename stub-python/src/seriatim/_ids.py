"""The ids of durable objects."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Any

from seriatim._reasons import Reason

MAX_NAME_BYTES = 1024
"""The longest name of an object, in bytes of UTF-8."""

_HALF = 16
_HEX_DIGITS = re.compile(r"[0-9a-f]{64}")
_SHOWN_CHARACTERS = 80


class InvalidIdError(ValueError):
    """What was given can't be the id, or the name, of an object of this namespace. Nothing has been sent."""

    __module__ = "seriatim"

    reason = Reason.INVALID_ID
    """Why; the same as that of a host which finds it out."""


class DurableObjectId:
    """The identity of one durable object: 32 bytes, shown as 64 lower-case hex digits.

    `str(id)` gives the digits and `bytes(id)` the bytes. Two ids are equal if their bytes are; the name
    doesn't count. Made by a namespace, or by `DurableObjectIds`, and of use only in a namespace with the same
    unique key. Immutable.
    """

    __slots__ = ("_bytes", "_made_by", "_name")

    def __init__(self, value: bytes, name: str | None, made_by: DurableObjectIds | None = None) -> None:
        self._bytes = value
        self._name = name
        self._made_by = made_by

    @property
    def name(self) -> str | None:
        """The name from which this id was derived, if it was made from a name.

        An id that was made from hex digits or at random doesn't know its name, even if it has one.
        """
        return self._name

    @property
    def made_by(self) -> DurableObjectIds | None:
        """Who made it, as far as that is known in this process."""
        return self._made_by

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._bytes, self._name)

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

    def __init__(self, unique_key: str, *, namespace: str | None = None, client: object = None) -> None:
        """The ids of the namespace that has this unique key; ValueError if it is empty.

        The name of the namespace is for messages. `client` is whose namespace it is.
        """
        if not unique_key:
            raise ValueError("unique key is empty, expected at least one character")
        self._key = hashlib.sha256(unique_key.encode()).digest()
        self.namespace = namespace
        self.client = client

    def from_name(self, name: str) -> DurableObjectId:
        """The id of the object with this name; the same for ever.

        InvalidIdError if the name isn't 1 to 1,024 bytes of UTF-8.
        """
        return DurableObjectId(self._with_check(self._hmac(check_name(name))), name, self)

    def from_string(self, digits: str) -> DurableObjectId:
        """The id that these digits show.

        InvalidIdError if it isn't 64 lower-case hex digits, or is the id of another namespace.
        """
        if not is_hex(digits):
            shown = digits if len(digits) <= _SHOWN_CHARACTERS else digits[:_SHOWN_CHARACTERS] + "…"
            raise InvalidIdError(f"id '{shown}', expected 64 lower-case hex digits")
        object_id = DurableObjectId(bytes.fromhex(digits), None, self)
        self.check(object_id, None)
        return object_id

    def new_unique_id(self) -> DurableObjectId:
        """A new id that no one else has."""
        return DurableObjectId(self._with_check(secrets.token_bytes(_HALF)), None, self)

    def check(self, object_id: DurableObjectId, made_for: str | None) -> None:
        """InvalidIdError if it isn't an id of this namespace."""
        value = bytes(object_id)
        if value != self._with_check(value[:_HALF]):
            other = "another namespace" if made_for is None else f"namespace '{made_for}'"
            raise InvalidIdError(f"id '{object_id}' is of {other}{self._here or ', which has another key'}")

    @property
    def _here(self) -> str:
        return "" if self.namespace is None else f", expected one of namespace '{self.namespace}'"

    def _with_check(self, base: bytes) -> bytes:
        return base + self._hmac(base)

    def _hmac(self, message: bytes) -> bytes:
        return hmac.digest(self._key, message, "sha256")[:_HALF]


def check_name(name: str) -> bytes:
    """The name in UTF-8; InvalidIdError if it can't be the name of an object."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError as e:
        raise InvalidIdError(f"name is not valid Unicode: {e}") from e
    if not 1 <= len(encoded) <= MAX_NAME_BYTES:
        raise InvalidIdError(f"name has {len(encoded)} bytes, expected 1 to {MAX_NAME_BYTES}")
    return encoded


def opened_by(
    object_id: DurableObjectId, namespace: str, client: object, known: DurableObjectIds | None
) -> str | None:
    """The name by which to open an object, so that it learns it; None: by its id, since it has no name, or
    one that may be another object's here.

    InvalidIdError if it is certainly the id of another namespace: by its check, if the key of this one is
    known. Else, two namespaces of one client have different keys.
    """
    made_by = object_id.made_by
    made_for = None if made_by is None else made_by.namespace
    if known is not None:
        known.check(object_id, made_for)
        return object_id.name
    if made_by is None or made_by.client is not client:
        return None
    if made_for != namespace:
        raise InvalidIdError(
            f"id '{object_id}' is of namespace '{made_for}', expected one of namespace '{namespace}'"
        )
    return object_id.name


def is_hex(text: str) -> bool:
    """Whether this has the form of an id."""
    return _HEX_DIGITS.fullmatch(text) is not None
