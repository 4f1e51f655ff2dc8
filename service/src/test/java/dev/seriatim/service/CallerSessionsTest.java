package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.CallerHost.Way;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.stub.DurableObjectStub;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Sessions and idempotency keys belong to whoever made them. */
final class CallerSessionsTest {
  private static final Metadata.Key<String> KEY = DurableObjectStub.IDEMPOTENCY_KEY;

  /** Lets everybody in; who shows nothing, as nobody. */
  private static CallerHost start() throws Exception {
    return CallerHost.overNetwork(
        CallerHost.probes(
                (probe, request, reply) ->
                    Probe.reply(reply, request.getText() + " " + probe.calls))
            .authenticator(
                credentials ->
                    credentials.headers().containsKey(CallerHost.AUTHORIZATION)
                        ? CallerHost.byName(credentials)
                        : java.util.Optional.of(
                            new Authenticator.Verified(
                                Caller.anonymous(), java.util.Optional.empty()))));
  }

  private static SessionStub connect(
      CallerHost host, @Nullable String token, String session, int connection) {
    return SessionStub.open(host.as(token), "a", session, connection, 0, null);
  }

  @Test
  void anotherCallersSessionIsAsIfItWerentThere() throws Exception {
    try (CallerHost host = start()) {
      SessionStub alices = connect(host, "alice", "one", 1);
      alices.opened();
      assertThat(alices.call(1, "alice").outcome(1)).isEqualTo("alice 1");
      for (String other : new String[] {"bob", null}) {
        SessionStub guessed = connect(host, other, "one", 2);
        SessionStub free = connect(host, other, "none", 2);
        assertThat(guessed.opened()).isEqualTo(free.opened());
        assertThat(guessed.opened().getCompletedThrough()).isEqualTo(0);
        guessed.cancel();
        free.cancel();
      }
      // Nobody has taken it over, and it is told again to whoever has it.
      assertThat(alices.call(2, "alice").outcome(2)).isEqualTo("alice 2");
      SessionStub next = connect(host, "alice", "one", 2);
      assertThat(next.opened().getCompletedThrough()).isEqualTo(2);
      assertThat(next.outcome(1)).isEqualTo("alice 1");
      next.cancel();
    }
  }

  @Test
  void whoIsNobodyHasHisOwnToo() throws Exception {
    try (CallerHost host = start()) {
      SessionStub nobodys = connect(host, null, "one", 1);
      nobodys.opened();
      assertThat(nobodys.call(1, "nobody").outcome(1)).isEqualTo("nobody 1");
      SessionStub alices = connect(host, "alice", "one", 2);
      assertThat(alices.opened().getCompletedThrough()).isEqualTo(0);
      SessionStub next = connect(host, null, "one", 2);
      assertThat(next.opened().getCompletedThrough()).isEqualTo(1);
      alices.cancel();
      next.cancel();
    }
  }

  private static String once(CallerHost host, @Nullable String token, Way way, String key) {
    Metadata headers = new Metadata();
    headers.put(KEY, key);
    if (way == Way.HEADER) {
      headers.put(Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER), "PROBE/a");
      return ProbeGrpc.newBlockingStub(
              ClientInterceptors.intercept(
                  host.as(token), MetadataUtils.newAttachHeadersInterceptor(headers)))
          .do_(Probe.words("once"))
          .getText();
    }
    try (DurableObjectStub stub = host.stub(token, way, "a")) {
      return ProbeGrpc.newBlockingStub(
              ClientInterceptors.intercept(
                  stub.channel(), MetadataUtils.newAttachHeadersInterceptor(headers)))
          .do_(Probe.words("once"))
          .getText();
    }
  }

  @Test
  void anotherCallersKeyIsAnotherKey() throws Exception {
    try (CallerHost host = start()) {
      int turns = 0;
      for (String token : new String[] {"alice", "bob", null}) {
        turns++;
        for (Way way : Way.values()) {
          assertThat(once(host, token, way, "k")).isEqualTo("once " + turns);
        }
      }
      assertThat(once(host, "alice", Way.CONNECT, "k")).isEqualTo("once 1");
      assertThat(once(host, null, Way.HEADER, "k")).isEqualTo("once 3");
    }
  }
}
