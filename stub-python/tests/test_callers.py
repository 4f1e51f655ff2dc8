"""Who calls: TLS, certificates of the client, and tokens."""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Callable, Iterator
from concurrent import futures

import grpc
import pytest
from echo_pb2 import EchoMessage
from echo_pb2_grpc import EchoStub
from faces import Face, InterceptedFace, MakeFace, failure, number
from fakehost import NAMESPACE, WAIT_SECONDS, Accepted, FakeHost

import seriatim
from seriatim import CallFailure, Fate, Reason
from seriatim.v1 import durable_objects_pb2 as wire

# Those that every language is tested with.
_TLS = pathlib.Path(__file__).parents[2] / "conformance-tests/src/main/resources/tls"


def pem(name: str) -> bytes:
    return (_TLS / name).read_bytes()


def serving(*, mutual: bool = False) -> Iterator[FakeHost]:
    pair = [(pem("server.key"), pem("server.pem"))]
    credentials = grpc.ssl_server_credentials(
        pair, root_certificates=pem("ca.pem") if mutual else None, require_client_auth=mutual
    )
    host = FakeHost(credentials=credentials)
    yield host
    host.stop()


@pytest.fixture
def tls_host() -> Iterator[FakeHost]:
    yield from serving()


@pytest.fixture
def mutual_tls_host() -> Iterator[FakeHost]:
    yield from serving(mutual=True)


def tls(
    *, ca: str = "ca.pem", client: bool = False, token: Callable[[], str] | None = None
) -> grpc.ChannelCredentials:
    key, chain = (pem("client.key"), pem("client.pem")) if client else (None, None)
    credentials = grpc.ssl_channel_credentials(pem(ca), key, chain)
    if token is None:
        return credentials
    return grpc.composite_channel_credentials(credentials, seriatim.bearer_token(token))


def here(token: Callable[[], str]) -> grpc.ChannelCredentials:
    """Without TLS, on this machine."""
    return grpc.composite_channel_credentials(grpc.local_channel_credentials(), seriatim.bearer_token(token))


def counted() -> Callable[[], str]:
    fetches = itertools.count(1)
    return lambda: f"token-{next(fetches)}"


def raising(error: BaseException) -> Callable[[], str]:
    def fetch() -> str:
        raise error

    return fetch


def answered(host: FakeHost, face: Face) -> Accepted:
    """The stub of the face, whose first call is answered."""
    reply = face.call()
    accepted = host.accept().opened("foo").through(1).answer(1)
    assert number(reply) == 10
    return accepted


def refused(face: Face) -> CallFailure:
    """How the first call of the face fails, of which nothing was sent, though it may be made again. Under
    interceptors gRPC may ask for the next message of a call that has failed, before it says so.
    """
    failed = failure(face.call())
    assert (failed.reason, failed.code()) == (Reason.CONNECTION_LOST, grpc.StatusCode.UNAVAILABLE)
    fates = {Fate.NOT_EXECUTED, Fate.UNKNOWN} if isinstance(face, InterceptedFace) else {Fate.NOT_EXECUTED}
    assert failed.fate in fates
    assert failed.retryable
    return failed


# ---- TLS ----------------------------------------------------------------------------------------------


def test_tls_with_a_token(tls_host: FakeHost, make_face: MakeFace) -> None:
    answered(tls_host, make_face(tls_host, tls(token=lambda: "a-token")))
    assert set(tls_host.authorizations) == {"Bearer a-token"}


@pytest.mark.parametrize("ca", ["other-ca.pem", "client.pem"])
def test_a_host_that_nobody_knows_is_said_to_be(tls_host: FakeHost, make_face: MakeFace, ca: str) -> None:
    failed = refused(make_face(tls_host, tls(ca=ca, token=lambda: "a-token")))
    assert failed.cause.message.startswith("the host's certificate isn't trusted: ")
    assert tls_host.authorizations == []


def test_a_certificate_of_the_client(mutual_tls_host: FakeHost, make_face: MakeFace) -> None:
    answered(mutual_tls_host, make_face(mutual_tls_host, tls(client=True)))


def test_without_the_certificate_that_the_host_wants_nothing_is_sent(
    mutual_tls_host: FakeHost, make_face: MakeFace
) -> None:
    failed = refused(make_face(mutual_tls_host, tls()))
    # The handshake is over for the client by then: it hears of an alert, or that the connection was closed.
    if "ALERT" in failed.cause.message:
        assert failed.cause.message.startswith(
            "the host wants another certificate of the client, or one at all: "
        )
    assert mutual_tls_host.authorizations == []


# ---- tokens -------------------------------------------------------------------------------------------


def test_a_stub_behind_one_whose_credentials_expired_fetches_anew(
    host: FakeHost, make_face: MakeFace
) -> None:
    face = make_face(host, here(counted()))
    call = face.call()
    first = host.accept().through(1)
    first.broken(0, reason=str(Reason.CREDENTIALS_EXPIRED), retryable=True)
    first.ends(grpc.StatusCode.UNAUTHENTICATED)
    assert failure(call).reason == Reason.CREDENTIALS_EXPIRED
    face.renew()
    answered(host, face)
    assert len(set(host.authorizations)) == len(host.authorizations) >= 2


def test_each_connection_of_a_resumable_stub_fetches_anew(host: FakeHost, make_face: MakeFace) -> None:
    face = make_face(host, here(counted()), resume_backoff=0.001)
    face.resumable = True
    face.renew()
    call = face.call()
    first = host.accept()
    first.frame()
    first.broken(0, reason=str(Reason.CREDENTIALS_EXPIRED), retryable=True)
    first.ends(grpc.StatusCode.UNAUTHENTICATED)
    second = host.accept().resumed(name="foo").through(1)
    second.answer(1)
    assert number(call) == 10
    assert len(set(host.authorizations)) == len(host.authorizations) >= 2


def test_a_retry_fetches_anew(host: FakeHost) -> None:
    def script() -> None:
        first = host.accept().through(1)
        first.broken(0, reason=str(Reason.CREDENTIALS_EXPIRED), retryable=True)
        first.ends(grpc.StatusCode.UNAUTHENTICATED)
        host.accept().opened("foo").through(1).answer(1).end().ends()

    with seriatim.DurableObjects.connect(host.target, here(counted())) as objects:
        namespace = objects.namespace(NAMESPACE)
        with futures.ThreadPoolExecutor(1) as pool:
            host_side = pool.submit(script)
            with seriatim.Retry(lambda: namespace.get_by_name("foo"), initial_backoff=0.001) as retry:
                reply = retry.call(lambda stub: EchoStub(stub.channel()).Echo(EchoMessage()))
            host_side.result(WAIT_SECONDS)
        assert reply.number == 10
    assert host.authorizations == ["Bearer token-1", "Bearer token-2"]


def test_calls_without_a_stub_fetch_anew(host: FakeHost) -> None:
    with grpc.secure_channel(host.target, here(counted())) as channel:
        describe: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/seriatim.v1.DurableObjects/DescribeNamespace"
        )
        for _ in range(2):
            request = wire.DescribeNamespaceRequest(name=NAMESPACE)
            describe(request.SerializeToString(), timeout=WAIT_SECONDS)
    assert host.authorizations == ["Bearer token-1", "Bearer token-2"]


def test_a_token_that_nobody_gives_fails_the_stub_before_anything_was_sent(
    host: FakeHost, make_face: MakeFace
) -> None:
    failed = refused(make_face(host, here(raising(OSError("the issuer sleeps")))))
    assert failed.cause.message.endswith("no bearer token for the call: the issuer sleeps")
    assert host.authorizations == []


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("", "there is none"),
        (None, "there is none"),
        ("se\ncret", "it has U+000A at 2, expected visible ASCII"),
        ("secret ", "it has U+0020 at 6, expected visible ASCII"),
        ("secrét", "it has U+00E9 at 4, expected visible ASCII"),
    ],
)
def test_a_token_that_no_header_can_have_is_not_shown(
    host: FakeHost, token: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    credentials = here(lambda: token)
    with (
        seriatim.DurableObjects.connect(host.target, credentials) as objects,
        objects.namespace(NAMESPACE).get_by_name("foo") as stub,
        pytest.raises(CallFailure) as caught,
    ):
        EchoStub(stub.channel()).Echo(EchoMessage(), timeout=WAIT_SECONDS)
    assert caught.value.cause.message.endswith(f"no bearer token for the call: {why}")
    assert "secr" not in f"{caught.value!r} {caught.value} {caught.value.cause!r} {caplog.text}"
    assert host.authorizations == []


def test_a_token_is_not_in_a_failure_nor_in_what_is_printed(
    host: FakeHost, make_face: MakeFace, caplog: pytest.LogCaptureFixture
) -> None:
    credentials = here(lambda: "a-secret")
    face = make_face(host, credentials)
    call = face.call()
    accepted = host.accept().through(1)
    accepted.broken(0, reason=str(Reason.UNAUTHENTICATED)).ends(grpc.StatusCode.UNAUTHENTICATED)
    failed = failure(call)
    assert "Bearer a-secret" in host.authorizations
    shown = f"{failed!r} {failed} {failed.cause!r} {failed.trailing_metadata()} {credentials!r} {caplog.text}"
    assert "a-secret" not in shown
