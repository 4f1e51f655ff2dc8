"""Tokens that say who calls."""

from __future__ import annotations

from collections.abc import Callable

import grpc


def bearer_token(fetch: Callable[[], str]) -> grpc.CallCredentials:
    """Says who calls, by a bearer token in the header `authorization`, which is fetched anew for each gRPC
    call that is opened: for each stub that has a call of its own, for each connection of a resumable one,
    for each shared call, and for each call without a stub. For both APIs.

        credentials = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(), seriatim.bearer_token(tokens.current)
        )
        objects = seriatim.DurableObjects.connect("objects.example:7070", credentials)

    `fetch` gives the token as it is now, without the word `Bearer`. It is called on a thread of gRPC's for
    each call, which it may block. What takes long, such as to ask somebody for a token, had better be kept
    by it until shortly before it runs out. If it raises, the call fails with `UNAVAILABLE`, so that it is
    retryable. What it raises is told to callers, so its text must not have the token.

    The token goes wherever the client makes a connection: also, with `ClientOptions.follow_routes`, to the
    address that a host has named, over the same TLS. gRPC sends it nowhere without TLS, but for the
    addresses of this machine: with `grpc.local_channel_credentials()` in place of those for TLS.
    """
    return grpc.metadata_call_credentials(_Bearer(fetch), name="seriatim-bearer")


class _Bearer(grpc.AuthMetadataPlugin):
    def __init__(self, fetch: Callable[[], str]) -> None:
        self._fetch = fetch

    def __call__(self, context: grpc.AuthMetadataContext, callback: grpc.AuthMetadataPluginCallback) -> None:
        try:
            header = f"Bearer {_checked(self._fetch())}"
        except BaseException as e:  # Else the call would wait for ever.
            callback((), RuntimeError(f"no bearer token for the call: {str(e) or repr(e)}"))
            return
        callback((("authorization", header),), None)


def _checked(token: object) -> str:
    """As a header can have it."""
    if not isinstance(token, str) or not token:
        raise ValueError("there is none")
    for at, letter in enumerate(token):
        if not "!" <= letter <= "~":
            raise ValueError(
                f"it has U+{ord(letter):04X} at {at}, expected visible ASCII"
            )  # And nothing more of it.
    return token
