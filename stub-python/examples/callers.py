"""Says who calls: by a certificate of the client, and by a token that is fetched anew for each gRPC call."""

from collections.abc import Callable
from pathlib import Path

import grpc

import seriatim


def connect(target: str, current_token: Callable[[], str]) -> seriatim.DurableObjects:
    """Connects to a host that asks for both."""
    tls = grpc.ssl_channel_credentials(
        Path("ca.pem").read_bytes(),
        Path("client.key").read_bytes(),  # This and the chain, if the host wants a certificate of the client.
        Path("client.pem").read_bytes(),
    )
    credentials = grpc.composite_channel_credentials(tls, seriatim.bearer_token(current_token))
    return seriatim.DurableObjects.connect(target, credentials)
