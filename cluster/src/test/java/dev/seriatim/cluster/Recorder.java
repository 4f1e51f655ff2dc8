package dev.seriatim.cluster;

import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.GetRequest;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectState;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;

/** Objects that record what they are asked, beyond any of their hosts. */
final class Recorder {
  /** By the objects' ids, what their turns got. */
  private final Map<String, List<Long>> recorded = new ConcurrentHashMap<>();

  private final Map<String, String> running = new ConcurrentHashMap<>();
  private final Map<Long, CountDownLatch> gates = new ConcurrentHashMap<>();
  private final Map<Long, CountDownLatch> arrived = new ConcurrentHashMap<>();

  /** Adds the namespace RECORDER to a host. */
  Consumer<DurableObjectHost.Builder> on(String host) {
    return on(host, "RECORDER");
  }

  /** Adds a namespace of this name. */
  Consumer<DurableObjectHost.Builder> on(String host, String namespace) {
    return builder ->
        builder.namespace(
            namespace, CounterGrpc.getServiceDescriptor(), state -> new One(host, state));
  }

  List<Long> of(String id) {
    List<Long> calls = recorded.getOrDefault(id, List.of());
    synchronized (calls) {
      return List.copyOf(calls);
    }
  }

  /** A turn that gets this waits until {@link #open}. */
  void hold(long amount) {
    gates.put(amount, new CountDownLatch(1));
    arrived.put(amount, new CountDownLatch(1));
  }

  /** Done when that turn waits. */
  CountDownLatch arrived(long amount) {
    return java.util.Objects.requireNonNull(arrived.get(amount));
  }

  void open(long amount) {
    java.util.Objects.requireNonNull(gates.get(amount)).countDown();
  }

  private final class One extends CounterGrpc.CounterImplBase {
    private final String host;
    private final DurableObjectState state;

    private One(String host, DurableObjectState state) {
      this.host = host;
      this.state = state;
    }

    @Override
    public void increment(IncrementRequest request, StreamObserver<CounterValue> reply) {
      String id = state.id().toString();
      String other = running.putIfAbsent(id, host);
      if (other != null) {
        throw new AssertionError("two turns at a time, at " + host + " and at " + other);
      }
      try {
        CountDownLatch gate = gates.get(request.getAmount());
        if (gate != null) {
          arrived(request.getAmount()).countDown();
          gate.await();
        }
        if (request.getAmount() < 0) {
          throw Status.FAILED_PRECONDITION.withDescription("below zero").asRuntimeException();
        }
        List<Long> calls = recorded.computeIfAbsent(id, _ -> new ArrayList<>());
        synchronized (calls) {
          calls.add(request.getAmount());
        }
      } catch (InterruptedException e) {
        throw Status.CANCELLED.withCause(e).asRuntimeException();
      } finally {
        running.remove(id);
      }
      reply.onNext(CounterValue.newBuilder().setValue(request.getAmount()).build());
      reply.onCompleted();
    }

    @Override
    public void get(GetRequest request, StreamObserver<CounterValue> reply) {
      reply.onNext(CounterValue.newBuilder().setValue(host.charAt(0)).build());
      reply.onCompleted();
    }
  }
}
