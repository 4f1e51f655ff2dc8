"""Why calls fail: the strings that `FailureCause.reason` gives."""

from enum import StrEnum


class Reason(StrEnum):
    """The reasons that this client knows.

    The first group comes from the host, and the contract of `seriatim.v1` says when; a newer host may
    send others, so `FailureCause.reason` is a plain string. The second group is found out by this client.
    """

    OBJECT_EXCEPTION = "OBJECT_EXCEPTION"
    """The method threw, or failed its reply."""

    OBJECT_START_FAILED = "OBJECT_START_FAILED"
    """The object could not be made."""

    UNKNOWN_METHOD = "UNKNOWN_METHOD"
    """The namespace's service has no such method."""

    MALFORMED_ARGUMENT = "MALFORMED_ARGUMENT"
    """The argument is not the method's request type."""

    INVOCATION_TIMED_OUT = "INVOCATION_TIMED_OUT"
    """The call's timeout, or the host's limit on a turn, ran out."""

    OBJECT_RESET = "OBJECT_RESET"
    """The object was aborted, a commit failed, or the turn was cut off."""

    CALL_CYCLE = "CALL_CYCLE"
    """The object waits for this very call, which comes, through other objects, from itself."""

    OVERLOADED = "OVERLOADED"
    """A limit of the host was passed."""

    HOST_DRAINING = "HOST_DRAINING"
    """The host is shutting down."""

    OWNER_UNAVAILABLE = "OWNER_UNAVAILABLE"
    """No host had the object in time, or none that serves its namespace. Nothing was delivered to it."""

    OBJECT_MOVED = "OBJECT_MOVED"
    """The object went to another host, and the stub could not go along."""

    UNKNOWN_NAMESPACE = "UNKNOWN_NAMESPACE"
    """The host serves no such namespace."""

    INVALID_ID = "INVALID_ID"
    """The id or the name can't be one of this namespace. Also the reason of `InvalidIdError`."""

    SEQUENCE_VIOLATION = "SEQUENCE_VIOLATION"
    """An invocation had the wrong number."""

    PROTOCOL_VIOLATION = "PROTOCOL_VIOLATION"
    """The frames that were sent break the rules of the contract."""

    SESSION_EXPIRED = "SESSION_EXPIRED"
    """The host may have forgotten what a resumable stub has had executed. The stub is broken."""

    SESSION_SUPERSEDED = "SESSION_SUPERSEDED"
    """The host has seen another connection of a resumable stub, with this number or a higher one."""

    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    """The idempotency key belongs to another call: one with another method or another argument."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    """The host doesn't know the caller: the call had no credentials, or some that don't count."""

    PERMISSION_DENIED = "PERMISSION_DENIED"
    """The caller may not open the object, or may not call the method."""

    CREDENTIALS_EXPIRED = "CREDENTIALS_EXPIRED"
    """The credentials ran out, or the caller's rights changed; or the host can't verify them for now."""

    CONNECTION_LOST = "CONNECTION_LOST"
    """The stub's connection ended without a word from the host about why. The stub is broken."""

    HOST_VIOLATION = "HOST_VIOLATION"
    """The host's frames break the rules of the contract. The stub is broken."""

    OPEN_OVERDUE = "OPEN_OVERDUE"
    """The stub was not open within `open_timeout`: there was no connection, or it carries as many stubs as it
    may, or the host said nothing. The stub is broken."""

    ANSWER_OVERDUE = "ANSWER_OVERDUE"
    """No answer came by a call's deadline, and where the host could have told, not in `deadline_grace`: that
    call ends, and the stub goes on. Or the host didn't end a closed stub within `end_timeout`: it is
    broken."""

    STUB_CANCELLED = "STUB_CANCELLED"
    """The stub's `cancel` was called. The stub is broken."""

    FORKED = "FORKED"
    """This process was forked, and the client is its parent's: make one here. The parent's goes on."""

    CLIENT_FAULT = "CLIENT_FAULT"
    """This client failed in a way that it should not. The stub is broken."""

    STUB_CLOSED = "STUB_CLOSED"
    """The call was made after the stub's `close`."""

    CALL_CANCELLED = "CALL_CANCELLED"
    """The call was cancelled by its caller. The stub is not broken."""

    CALL_REFUSED = "CALL_REFUSED"
    """The call can't be made on a stub at all; its message says why. The stub is not broken."""

    CALL_TOO_LARGE = "CALL_TOO_LARGE"
    """The call is over `max_invocation_bytes`. The stub is not broken."""

    BUFFER_FULL = "BUFFER_FULL"
    """No room for the call: see `max_buffered_invocations` and `max_buffered_bytes`. The stub goes on."""
