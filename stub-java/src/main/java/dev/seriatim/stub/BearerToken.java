package dev.seriatim.stub;

import io.grpc.Attributes;
import io.grpc.CallCredentials;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.SecurityLevel;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Says who calls, by a bearer token in the header {@code authorization}, which is fetched anew for
 * each gRPC call that is opened: for each stub that has a call of its own, for each connection of a
 * resumable one, for each shared call, and for each call without a stub.
 *
 * <pre>{@code
 * DurableObjects objects =
 *     DurableObjects.connect(
 *         "objects.example:7070",
 *         CompositeChannelCredentials.create(
 *             TlsChannelCredentials.create(), BearerToken.from(tokens::current)));
 * }</pre>
 *
 * <p>The token goes wherever the client makes a connection: also, with {@link
 * ClientOptions.Builder#followRoutes}, to the address that a host has named, over the same TLS.
 * Without TLS it is sent to loopback addresses only; anywhere else the call fails with {@code
 * UNAUTHENTICATED}, and the token isn't even fetched.
 *
 * <p>Its text never shows a token.
 */
public final class BearerToken extends CallCredentials {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final Supplier<String> tokens;

  private BearerToken(Supplier<String> tokens) {
    this.tokens = tokens;
  }

  /**
   * Fetches each token from here.
   *
   * @param tokens gives the token as it is now, without the word {@code Bearer}. Called by any
   *     number of threads, those of the channel's executor, which it may block; what takes long,
   *     such as to ask somebody for a token, had better be kept by it until shortly before it runs
   *     out. If it throws, the call fails with {@code UNAVAILABLE}, so that it is retryable; or
   *     with the status that it throws as a {@link StatusRuntimeException}. What it throws is told
   *     to callers, so its message must not have the token
   */
  public static BearerToken from(Supplier<String> tokens) {
    return new BearerToken(Objects.requireNonNull(tokens));
  }

  /** For gRPC. */
  @Override
  public void applyRequestMetadata(RequestInfo call, Executor executor, MetadataApplier applier) {
    if (call.getSecurityLevel() == SecurityLevel.NONE && !isHere(call.getTransportAttrs())) {
      applier.fail(
          Status.UNAUTHENTICATED.withDescription(
              "a bearer token is sent over TLS only, or to a loopback address: the connection to "
                  + call.getAuthority()
                  + " is neither"));
      return;
    }
    try {
      executor.execute(() -> fetch(applier));
    } catch (RejectedExecutionException e) {
      applier.fail(notFetched(e));
    }
  }

  private static boolean isHere(Attributes connection) {
    SocketAddress to = connection.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    return to instanceof InetSocketAddress host
        ? host.getAddress() != null && host.getAddress().isLoopbackAddress()
        : to != null; // A socket of the file system.
  }

  private void fetch(MetadataApplier applier) {
    Metadata headers = new Metadata();
    try {
      headers.put(AUTHORIZATION, "Bearer " + checked(tokens.get()));
    } catch (Throwable e) { // Else the call would wait for ever.
      applier.fail(notFetched(e));
      return;
    }
    applier.apply(headers);
  }

  /** As a header can have it. */
  private static String checked(@Nullable String token) {
    if (token == null || token.isEmpty()) {
      throw new IllegalArgumentException("there is none");
    }
    for (int i = 0; i < token.length(); i++) {
      if (token.charAt(i) <= ' ' || token.charAt(i) > '~') {
        throw new IllegalArgumentException(
            String.format("it has U+%04X at %d, expected visible ASCII", (int) token.charAt(i), i));
      }
    }
    return token;
  }

  private static Status notFetched(Throwable thrown) {
    if (thrown instanceof StatusRuntimeException || thrown instanceof StatusException) {
      Status status = Status.fromThrowable(thrown);
      if (!status.isOk()) {
        return status;
      }
    }
    return Status.UNAVAILABLE
        .withDescription("no bearer token for the call: " + said(thrown))
        .withCause(thrown);
  }

  private static String said(Throwable thrown) {
    return Objects.requireNonNullElseGet(thrown.getMessage(), thrown::toString);
  }

  /** That it is one, and nothing of the token. */
  @Override
  public String toString() {
    return "BearerToken";
  }
}
