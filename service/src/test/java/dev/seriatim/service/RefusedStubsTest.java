package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.CallerHost.Way;
import dev.seriatim.v1.Open;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Stubs that are refused before there is an object for them are counted among the broken ones. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class RefusedStubsTest {
  private static Access ownObjects(
      Caller caller, String namespace, Optional<String> name, Object id) {
    return name.equals(Optional.of(caller.name())) ? Access.all() : Access.denied();
  }

  private static void await(CallerHost host, String reason, long refused, long ofProbes) {
    Wait.until(
        () -> {
          HostStatistics now = host.host().statistics();
          return now.stubsRefused().getOrDefault(reason, 0L) == refused
              && now.namespaces().getFirst().stubsBroken(reason) == ofProbes;
        },
        refused + " stubs refused for " + reason + " and " + ofProbes + " of the namespace");
  }

  @ParameterizedTest
  @EnumSource
  void whoeverIsntKnownOrMayNot(Way way) throws Exception {
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(Probe::echo)
                .authenticator(CallerHost::byName)
                .authorizer(RefusedStubsTest::ownObjects))) {
      assertThat(host.call(null, way, "alice", "hello")).isEqualTo("UNAUTHENTICATED");
      await(host, "UNAUTHENTICATED", 1, 0);
      assertThat(host.call("old", way, "alice", "hello")).isEqualTo("CREDENTIALS_EXPIRED");
      await(host, "CREDENTIALS_EXPIRED", 1, 0);
      assertThat(host.call("alice", way, "bob", "hello")).isEqualTo("PERMISSION_DENIED");
      await(host, "PERMISSION_DENIED", 0, 1);
      assertThat(host.call("alice", way, "alice", "hello")).isEqualTo("hello");
      assertThat(host.host().statistics().namespaces().getFirst().stubsBroken("PERMISSION_DENIED"))
          .isEqualTo(1);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"CONNECT", "HEADER"})
  void oneTooMany(Way way) throws Exception {
    HostLimits limits = HostLimits.builder().maxStubs(1).build();
    try (CallerHost host = CallerHost.overNetwork(CallerHost.probes(Probe::echo).limits(limits))) {
      TestStub stub = new TestStub(host.channel(), TestHost.byName("a"), Integer.MAX_VALUE);
      assertThat(stub.ask("hello")).isEqualTo("hello");
      assertThat(host.call(null, way, "b", "hello")).isEqualTo("OVERLOADED");
      await(host, "OVERLOADED", 1, 0);
    }
  }

  @Test
  void whatIsntThere() throws Exception {
    try (CallerHost host = CallerHost.overNetwork(CallerHost.probes(Probe::echo))) {
      Open nowhere = Open.newBuilder().setNamespace("NOWHERE").setName("a").build();
      new TestStub(host.channel(), nowhere, Integer.MAX_VALUE).broken("UNKNOWN_NAMESPACE");
      await(host, "UNKNOWN_NAMESPACE", 1, 0);
    }
  }
}
