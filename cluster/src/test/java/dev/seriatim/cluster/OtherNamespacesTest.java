package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static dev.seriatim.cluster.CounterCalls.call;
import static dev.seriatim.cluster.CounterCalls.failure;
import static dev.seriatim.cluster.CounterCalls.get;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.seriatim.cluster.TestCluster.Node;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.Slots.Announcement;
import dev.seriatim.service.storage.Slots.HostRow;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DescribeNamespaceResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.DurableObjectsGrpc.DurableObjectsBlockingStub;
import dev.seriatim.v1.ListNamespacesRequest;
import dev.seriatim.v1.Method;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Each host tells what all of them serve, also while they don't all serve the same. */
final class OtherNamespacesTest {
  private final TestCluster cluster = new TestCluster();
  private final Recorder recorder = new Recorder();

  @AfterEach
  void close() {
    cluster.close();
  }

  // ---- which words count

  @Test
  void theNewestHostsWordsCountWhereTheyDiffer() {
    HostRow one = row("one", "1.0.0", true, described("A", "one"), described("B", "one"));
    HostRow two = row("two", "1.10.0", true, described("A", "two"), described("C", "two"));
    HostRow three = row("three", "1.9.0", true, described("A", "three"));
    for (List<HostRow> rows : List.of(List.of(one, two, three), List.of(three, two, one))) {
      assertThat(words("one", "1.0.0", one, rows)).containsExactly("A", "two", "C", "two");
      assertThat(words("two", "1.10.0", two, rows)).containsExactly("B", "one");
      assertThat(words("three", "1.9.0", three, rows))
          .containsExactly("A", "two", "B", "one", "C", "two");
    }
  }

  @Test
  void ownWordsCountAmongHostsOfTheSameVersion() {
    HostRow one = row("one", "1.0.0", true, described("A", "one"));
    HostRow two = row("two", "1.0.0", true, described("A", "two"));
    assertThat(words("one", "1.0.0", one, List.of(one, two))).isEmpty();
  }

  @Test
  void whoIsGoneOrCantBeReadSaysNothing() {
    HostRow one = row("one", "1.0.0", true, described("A", "one"));
    HostRow gone = row("two", "2.0.0", false, described("B", "two"));
    HostRow odd = row("three", "2.0.0", true, ByteString.copyFromUtf8("?"));
    assertThat(words("one", "1.0.0", one, List.of(one, gone, odd))).isEmpty();
  }

  private static Map<String, String> words(
      String self, String version, HostRow own, List<HostRow> rows) {
    Map<String, DescribeNamespaceResponse> all =
        new OtherNamespaces(self, version, own.announcement().namespaces(), () -> rows).get();
    return com.google.common.collect.Maps.transformValues(
        all, each -> each.getMethods(0).getName());
  }

  private static HostRow row(String host, String version, boolean live, ByteString... namespaces) {
    return new HostRow(
        host,
        new Announcement(
            "there:1", "", version, List.of(namespaces), /* leaving= */ false, ByteString.EMPTY),
        live);
  }

  private static ByteString described(String name, String method) {
    return DescribeNamespaceResponse.newBuilder()
        .setName(name)
        .addMethods(Method.newBuilder().setName(method))
        .build()
        .toByteString();
  }

  // ---- hosts that serve different things

  private Node older() {
    return cluster.start(
        "older",
        recorder.on("older"),
        options -> options.withRoutingPatience(Duration.ofMillis(300)));
  }

  private Node newer() {
    return cluster.start(
        "newer",
        builder -> {
          recorder.on("newer").accept(builder);
          also(builder);
        },
        options -> options.withRoutingPatience(Duration.ofMillis(300)));
  }

  private void also(DurableObjectHost.Builder builder) {
    recorder.on("newer", "ALSO").accept(builder);
  }

  private static DurableObjectsBlockingStub service(Node node) {
    return DurableObjectsGrpc.newBlockingStub(node.channel())
        .withDeadlineAfter(30, TimeUnit.SECONDS);
  }

  private static DescribeNamespaceResponse described(Node node, String name) {
    return service(node)
        .describeNamespace(DescribeNamespaceRequest.newBuilder().setName(name).build());
  }

  @Test
  void anyHostTellsWhatAllOfThemServe() {
    Node older = older();
    Node newer = newer();
    for (Node node : List.of(older, newer)) {
      assertThat(
              service(node)
                  .listNamespaces(ListNamespacesRequest.getDefaultInstance())
                  .getNamesList())
          .containsExactly("ALSO", "RECORDER")
          .inOrder();
      DescribeNamespaceResponse also = described(node, "ALSO");
      assertThat(also.getUniqueKey()).isEqualTo("ALSO");
      assertThat(also.getService()).isEqualTo(CounterGrpc.SERVICE_NAME);
      assertThat(also).isEqualTo(described(newer, "ALSO"));
      StatusRuntimeException unknown =
          assertThrows(StatusRuntimeException.class, () -> described(node, "NOWHERE"));
      assertThat(unknown).hasMessageThat().contains("NOT_FOUND: namespace 'NOWHERE'");
    }
  }

  /** Whoever is told so tries again, and may come to another host. */
  @Test
  void anEdgeThatDoesNotServeItSendsClientsElsewhere() throws Exception {
    Node older = older();
    Node newer = newer();
    cluster.take(newer, TestCluster.allSlots());
    DurableObjectStub stub =
        older.client(ClientOptions.builder().build()).namespace("ALSO").getByName("somebody");
    assertThat(failure(call(stub, 1)))
        .contains("namespace 'ALSO' is served by other hosts of the cluster");
    assertThat(failure(call(stub, 1))).contains("OWNER_UNAVAILABLE");
    Metadata header = new Metadata();
    header.put(
        Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER), "ALSO/somebody");
    StatusRuntimeException refused =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                CounterGrpc.newBlockingStub(older.channel())
                    .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header))
                    .withDeadlineAfter(30, TimeUnit.SECONDS)
                    .increment(IncrementRequest.getDefaultInstance()));
    assertThat(refused).hasMessageThat().contains("UNAVAILABLE: namespace 'ALSO' is served by");
  }

  @Test
  void aStubWhoseOwnerDoesNotServeItWaitsForOneThatDoes() throws Exception {
    Node older = older();
    Node newer = newer();
    cluster.take(older, TestCluster.allSlots());
    DurableObjectStub stub =
        newer.client(ClientOptions.builder().build()).namespace("ALSO").getByName("somebody");
    assertThat(failure(call(stub, 1)))
        .contains("no host had the object within 300 ms [OWNER_UNAVAILABLE");
    cluster.move(older, newer, Set.of(Slots.of(stub.id())));
    DurableObjectStub next =
        newer.client(ClientOptions.builder().build()).namespace("ALSO").getByName("somebody");
    assertThat(get(call(next, 2))).isEqualTo(2);
  }

  @Test
  void aStubIsToldHowFarItCameWhoseObjectMovesToAHostThatDoesNotServeIt() throws Exception {
    Node older = older();
    Node newer = newer();
    cluster.take(newer, TestCluster.allSlots());
    String told = "";
    // A stub that waits no longer when it is called doesn't number the call: another one is tried.
    for (int attempt = 0; attempt < 10 && !told.contains("call 2"); attempt++) {
      DurableObjectStub stub =
          newer
              .client(ClientOptions.builder().build())
              .namespace("ALSO")
              .getByName("somebody " + attempt);
      assertThat(get(call(stub, 1))).isEqualTo(1);
      cluster.move(newer, older, Set.of(Slots.of(stub.id())));
      told = failure(call(stub, 2));
    }
    assertThat(told).contains("[OWNER_UNAVAILABLE, call 2, NOT_EXECUTED");
  }
}
