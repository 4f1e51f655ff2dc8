package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.CallerHost.Way;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.stub.DurableObjectStub;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What an object learns of who calls it. */
final class CallerInTurnTest {
  private static String describe(Caller caller) {
    String one = caller.kind() + " " + caller.name();
    return caller.origin().map(origin -> one + " < " + describe(origin)).orElse(one).trim();
  }

  private static void tell(Probe probe, Words request, StreamObserver<Words> reply) {
    Probe.reply(reply, describe(DurableObjectState.CALLER.get()));
  }

  @ParameterizedTest
  @EnumSource
  void theTurnKnowsWhoCalls(Way way) throws Exception {
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(CallerInTurnTest::tell).authenticator(CallerHost::byName))) {
      assertThat(host.call("alice", way, "a", "")).isEqualTo("TOKEN alice");
      assertThat(host.call("bob", way, "a", "")).isEqualTo("TOKEN bob");
      assertThat(host.call("alice", way, CallerHost.idOf("a"), "")).isEqualTo("TOKEN alice");
    }
  }

  @Test
  void groupsAndClaimsAreThere() throws Exception {
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(
                    (probe, request, reply) -> {
                      Caller caller = DurableObjectState.CALLER.get();
                      Probe.reply(reply, caller.groups() + " " + caller.claims());
                    })
                .authenticator(CallerHost::byName))) {
      assertThat(host.call("alice", Way.CONNECT, "a", "")).isEqualTo("[people] {tenant=acme}");
    }
  }

  @ParameterizedTest
  @EnumSource
  void everybodyIsAnonymousIfNobodyIsAsked(Way way) throws Exception {
    try (CallerHost host = CallerHost.overNetwork(CallerHost.probes(CallerInTurnTest::tell))) {
      assertThat(host.call("alice", way, "a", "")).isEqualTo("ANONYMOUS");
    }
  }

  // ---- from object to object

  /** Tells who calls it; or passes the request on to the next object of a path, such as "b/c". */
  private static void passOn(Probe probe, Words request, StreamObserver<Words> reply)
      throws Exception {
    String path = request.getText();
    if (path.isEmpty()) {
      tell(probe, request, reply);
      return;
    }
    int slash = path.indexOf('/');
    String next = slash < 0 ? path : path.substring(0, slash);
    DurableObjectStub stub = probe.state().objects().namespace(TestHost.PROBE).getByName(next);
    reply.onNext(
        stub.call(ProbeGrpc.getDoMethod(), Probe.words(slash < 0 ? "" : path.substring(slash + 1)))
            .get(30, TimeUnit.SECONDS));
    reply.onCompleted();
  }

  @ParameterizedTest
  @EnumSource
  void anObjectIsKnownByItsNameAndBringsWhoeverBegan(Way way) throws Exception {
    // The authorizer isn't asked about calls of objects: bob's object may call alice's.
    Authorizer ownObjects =
        (caller, namespace, name, id) ->
            name.equals(Optional.of(caller.name())) ? Access.all() : Access.denied();
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(CallerInTurnTest::passOn)
                .authenticator(CallerHost::byName)
                .authorizer(ownObjects))) {
      assertThat(host.call("bob", way, "bob", "alice")).isEqualTo("OBJECT PROBE/bob < TOKEN bob");
      assertThat(host.call("alice", way, "alice", "bob/c d"))
          .isEqualTo("OBJECT PROBE/bob < TOKEN alice");
    }
  }

  @Test
  void anObjectWithoutANameIsKnownByItsId() throws Exception {
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(CallerInTurnTest::passOn).authenticator(CallerHost::byName))) {
      assertThat(host.call("bob", Way.CONNECT, CallerHost.idOf("a"), "b"))
          .isEqualTo("OBJECT PROBE/" + CallerHost.idOf("a") + " < TOKEN bob");
    }
  }

  @Test
  void objectsAreKnownToEachOtherIfNobodyElseIs() throws Exception {
    try (CallerHost host = CallerHost.overNetwork(CallerHost.probes(CallerInTurnTest::passOn))) {
      assertThat(host.call(null, Way.CONNECT, "a", "b")).isEqualTo("OBJECT PROBE/a");
    }
  }

  @Test
  void aStubThatAnObjectKeepsBringsTheCallerOfEachTurn() throws Exception {
    ConcurrentMap<String, DurableObjectStub> kept = new ConcurrentHashMap<>();
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(
                    (probe, request, reply) -> {
                      if (request.getText().isEmpty()) {
                        tell(probe, request, reply);
                        return;
                      }
                      DurableObjectStub stub =
                          kept.computeIfAbsent(
                              "it",
                              _ ->
                                  probe.state().objects().namespace(TestHost.PROBE).getByName("b"));
                      reply.onNext(
                          stub.call(ProbeGrpc.getDoMethod(), Probe.words(""))
                              .get(30, TimeUnit.SECONDS));
                      reply.onCompleted();
                    })
                .authenticator(CallerHost::byName))) {
      for (String name : new String[] {"alice", "bob", "bob", "alice"}) {
        assertThat(host.call(name, Way.CONNECT, "a", "call"))
            .isEqualTo("OBJECT PROBE/a < TOKEN " + name);
      }
      assertThat(kept).hasSize(1);
    }
  }

  @Test
  void anAlarmIsTheHosts() throws Exception {
    BlockingQueue<String> seen = new LinkedBlockingQueue<>();
    DurableObjectHost.Builder builder =
        DurableObjectHost.builder()
            .namespace(
                TestHost.PROBE,
                ProbeGrpc.getServiceDescriptor(),
                Probe.doing(
                    (probe, request, reply) -> {
                      if (request.getText().isEmpty()) {
                        tell(probe, request, reply);
                      } else {
                        probe.state().storage().setAlarm(Instant.EPOCH);
                        Probe.echo(probe, request, reply);
                      }
                    },
                    (probe, alarm) -> {
                      seen.add(describe(DurableObjectState.CALLER.get()));
                      seen.add(
                          probe
                              .state()
                              .objects()
                              .namespace(TestHost.PROBE)
                              .getByName("b")
                              .call(ProbeGrpc.getDoMethod(), Probe.words(""))
                              .get(30, TimeUnit.SECONDS)
                              .getText());
                    }))
            .authenticator(CallerHost::byName);
    try (CallerHost host = CallerHost.overNetwork(builder)) {
      assertThat(host.call("alice", Way.CONNECT, "a", "set")).isEqualTo("set");
      assertThat(seen.poll(30, TimeUnit.SECONDS)).isEqualTo("HOST alarm");
      assertThat(seen.poll(30, TimeUnit.SECONDS)).isEqualTo("OBJECT PROBE/a < HOST alarm");
    }
  }

  // ---- what nobody can say of himself

  @Test
  void nobodyCanSayThatHeIsAnObject() throws Exception {
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(CallerInTurnTest::tell).authenticator(CallerHost::byName))) {
      for (String key : new String[] {"seriatim-caller", "seriatim-origin", "seriatim-chain"}) {
        TestStub stub = new TestStub(host.as("mallory"), TestHost.byName("a"), Integer.MAX_VALUE);
        stub.call("", call -> call.putMetadata(key, "PROBE/admin"));
        stub.broken("PROTOCOL_VIOLATION");
      }
      Metadata forged = new Metadata();
      forged.put(
          Metadata.Key.of("seriatim-caller", Metadata.ASCII_STRING_MARSHALLER), "PROBE/admin");
      forged.put(Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER), "PROBE/a");
      assertThat(
              ProbeGrpc.newBlockingStub(
                      ClientInterceptors.intercept(
                          host.as("mallory"), MetadataUtils.newAttachHeadersInterceptor(forged)))
                  .do_(Probe.words(""))
                  .getText())
          .isEqualTo("TOKEN mallory");
    }
  }

  @Test
  void credentialsStayAtTheHost() throws Exception {
    BlockingQueue<Set<String>> seen = new LinkedBlockingQueue<>();
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(
                    (probe, request, reply) -> {
                      seen.add(DurableObjectState.INVOCATION_METADATA.get().keys());
                      Probe.echo(probe, request, reply);
                    })
                .authenticator(CallerHost::byName))) {
      Metadata headers = new Metadata();
      for (String name : new String[] {"proxy-authorization", "cookie", "x-request"}) {
        headers.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), "a secret");
      }
      headers.put(Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER), "PROBE/a");
      var _ =
          ProbeGrpc.newBlockingStub(
                  ClientInterceptors.intercept(
                      host.as("alice"), MetadataUtils.newAttachHeadersInterceptor(headers)))
              .do_(Probe.words(""));
      assertThat(seen.poll(30, TimeUnit.SECONDS)).containsExactly("x-request");
      TestStub stub = new TestStub(host.as("alice"), TestHost.byName("a"), Integer.MAX_VALUE);
      stub.call(
          "hello",
          call ->
              call.putMetadata("authorization", "a secret")
                  .putMetadata("proxy-authorization", "a secret")
                  .putMetadata("cookie", "a secret")
                  .putMetadata("x-request", "no secret"));
      assertThat(stub.answer()).isEqualTo("hello");
      assertThat(seen.poll(30, TimeUnit.SECONDS)).containsExactly("x-request");
    }
  }
}
