package dev.seriatim.service.connect;

import com.google.common.collect.ImmutableList;
import com.google.common.hash.HashCode;
import dev.seriatim.service.Credentials;
import dev.seriatim.service.caller.Authentication;
import dev.seriatim.service.caller.Identity;
import dev.seriatim.service.object.HostCounts;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.v1.DurableObjectsGrpc;
import io.grpc.Attributes;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/**
 * Stands before what a host serves, and finds out who calls. Whoever is remembered goes on at once,
 * on the transport's thread; of another one a virtual thread finds it out, while nothing is read of
 * the call. Whoever isn't known is refused here; but a call that carries stubs goes on to say so in
 * their place.
 */
public final class CallerGate implements ServerInterceptor {
  private final Authentication authentication;
  private final Executor threads;

  /** Those of which it is being found out. */
  private final OpenCalls unverified;

  /** Null if what stands behind are no stubs. */
  private final @Nullable HostCounts counts;

  /**
   * A gate for callers.
   *
   * @param threads starts a thread for each task, which may be held up
   * @param unverified counts the calls of which it is being found out who makes them
   * @param counts counts the stubs that are refused; null if what stands behind it are none
   */
  public CallerGate(
      Authentication authentication,
      Executor threads,
      OpenCalls unverified,
      @Nullable HostCounts counts) {
    this.counts = counts;
    this.authentication = authentication;
    this.threads = threads;
    this.unverified = unverified;
  }

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    Credentials credentials = credentials(call.getAttributes(), headers);
    HashCode key = Authentication.key(credentials);
    Identity known = authentication.remembered(key);
    if (known != null) {
      return goOn(known, call, headers, next);
    }
    if (!unverified.begin()) {
      return refuse(call, unverified.refusal());
    }
    UnverifiedCall<Q> waiting = new UnverifiedCall<>(call);
    Connection connection = Connection.of(call.getAttributes());
    if (connection != null) {
      connection.own(waiting);
    }
    Context context = Context.current();
    boolean asked = false;
    try {
      threads.execute(
          () -> {
            Identity found;
            try {
              found = authentication.verify(key, credentials);
            } finally {
              unverified.end();
            }
            waiting.goOn(context, () -> goOn(found, call, headers, next));
          });
      asked = true;
    } finally {
      if (!asked) { // No memory for a thread: gRPC ends the call.
        unverified.end();
      }
    }
    return waiting;
  }

  /** The call begins, in the context of whoever makes it. */
  private <Q, R> ServerCall.Listener<Q> goOn(
      Identity identity, ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    if (identity.refusal() != null && !carriesStubs(call)) {
      return refuse(call, BreakCause.of(identity.refusal()));
    }
    Context context = identity.in(Context.current());
    Context before = context.attach();
    try {
      return next.startCall(call, headers);
    } finally {
      context.detach(before);
    }
  }

  private <Q> ServerCall.Listener<Q> refuse(ServerCall<Q, ?> call, BreakCause cause) {
    if (counts != null) {
      counts.refused(/* namespace= */ null, cause);
    }
    StatusTrailers.close(call, cause.toStatusProto());
    return new ServerCall.Listener<>() {};
  }

  private static boolean carriesStubs(ServerCall<?, ?> call) {
    String method = call.getMethodDescriptor().getFullMethodName();
    return method.equals(DurableObjectsGrpc.getConnectMethod().getFullMethodName())
        || method.equals(DurableObjectsGrpc.getConnectManyMethod().getFullMethodName());
  }

  private static Credentials credentials(Attributes attributes, Metadata headers) {
    return new Credentials(
        headers,
        certificates(attributes.get(Grpc.TRANSPORT_ATTR_SSL_SESSION)),
        Optional.ofNullable(attributes.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR)));
  }

  /** What the client has shown of itself; empty if it has shown nothing. */
  private static List<X509Certificate> certificates(@Nullable SSLSession session) {
    if (session == null) {
      return List.of();
    }
    ImmutableList.Builder<X509Certificate> chain = ImmutableList.builder();
    try {
      for (Certificate certificate : session.getPeerCertificates()) {
        if (certificate instanceof X509Certificate x509) {
          chain.add(x509);
        }
      }
    } catch (SSLPeerUnverifiedException e) {
      return List.of();
    }
    return chain.build();
  }
}
