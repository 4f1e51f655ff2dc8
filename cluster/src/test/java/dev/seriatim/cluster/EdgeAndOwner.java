package dev.seriatim.cluster;

import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.GetRequest;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/** Two hosts: one that clients call, and one that has every object. */
public final class EdgeAndOwner implements AutoCloseable {
  private final TestCluster cluster = new TestCluster();
  private final TestCluster.Node edge;
  private final Consumer<DurableObjectHost.Builder> ofOwner;
  private TestCluster.Node owner;

  /** Starts both, and builds each as this says. */
  public EdgeAndOwner(
      Consumer<DurableObjectHost.Builder> ofEdge, Consumer<DurableObjectHost.Builder> ofOwner) {
    this(ofEdge, ofOwner, "");
  }

  /**
   * The same.
   *
   * @param token of a caller whom the edge knows; empty if it asks nobody
   */
  public EdgeAndOwner(
      Consumer<DurableObjectHost.Builder> ofEdge,
      Consumer<DurableObjectHost.Builder> ofOwner,
      String token) {
    // One connection between them: the cases count on it that what one stub is told comes before
    // what
    // another one says later.
    edge = cluster.start("edge", ofEdge, options -> options.withTrunksPerHost(1));
    this.ofOwner = ofOwner;
    owner = startOwner();
    connect(token);
  }

  private TestCluster.Node startOwner() {
    TestCluster.Node started = cluster.start("owner", ofOwner);
    cluster.take(started, TestCluster.allSlots());
    return started;
  }

  /** The owner is gone from one moment to the next, and then it is there again. */
  public void restartOwner() {
    cluster.kill(owner);
    owner = startOwner();
  }

  /** What the cases send is to be at the owner when the edge has said that the stub is open. */
  private void connect(String token) {
    Metadata headers = new Metadata();
    if (!token.isEmpty()) {
      headers.put(
          Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + token);
    }
    Channel showing =
        ClientInterceptors.intercept(
            edge.channel(), MetadataUtils.newAttachHeadersInterceptor(headers));
    try (DurableObjectStub stub =
        DurableObjects.on(showing, ClientOptions.builder().build())
            .namespace("PROBE")
            .getByName("nobody")) {
      stub.call(CounterGrpc.getGetMethod(), GetRequest.getDefaultInstance())
          .get(60, TimeUnit.SECONDS);
      throw new AssertionError("the probe has a method of a counter");
    } catch (ExecutionException e) {
      if (!String.valueOf(e.getCause()).contains("UNKNOWN_METHOD")) {
        throw new AssertionError("the owner was not reached", e);
      }
    } catch (InterruptedException | TimeoutException e) {
      throw new AssertionError("the owner has never answered", e);
    }
  }

  /** The host that clients call. */
  public DurableObjectHost edge() {
    return edge.host();
  }

  @Override
  public void close() {
    cluster.close();
  }
}
