package dev.seriatim.conformance.attack;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.MoreExecutors;
import com.google.protobuf.ByteString;
import dev.seriatim.attack.v1.EchoRequest;
import dev.seriatim.attack.v1.PutRequest;
import dev.seriatim.attack.v1.TargetGrpc;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Calls an object every few milliseconds, whether it is answered or not, in a process and on a
 * connection of its own, and tells how long the answers took. A line on its standard input asks for
 * what was since the last one; the end of the input ends it.
 */
final class Neighbour implements AutoCloseable {
  private static final long PERIOD_MILLIS = 5;

  private final Process process;
  private final BufferedReader output;

  private Neighbour(Process process) {
    this.process = process;
    output = process.inputReader(StandardCharsets.UTF_8);
  }

  static Neighbour start(int port) throws IOException {
    return new Neighbour(
        new ProcessBuilder(
                Victim.java(
                    List.of("-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
                    Neighbour.class.getName(),
                    Integer.toString(port)))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start());
  }

  /** What its calls met since this was last asked: first those that read, then those that write. */
  List<Latencies> ask() throws IOException {
    process.outputWriter(StandardCharsets.UTF_8).append('\n').flush();
    List<Latencies> both = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      String line = output.readLine();
      if (line == null) {
        throw new IOException("the neighbour has ended");
      }
      both.add(Latencies.parse(line));
    }
    return both;
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }

  /** The process. */
  public static void main(String[] arguments) throws Exception {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", Integer.parseInt(arguments[0]))
            .usePlaintext()
            .build();
    DurableObjects objects = DurableObjects.on(channel);
    EchoRequest echo = EchoRequest.newBuilder().setReplyBytes(16).build();
    PutRequest put = PutRequest.newBuilder().setValue(ByteString.copyFromUtf8("x")).build();
    Caller reads =
        new Caller(objects, "neighbour-reads", stub -> stub.call(TargetGrpc.getEchoMethod(), echo));
    Caller writes =
        new Caller(objects, "neighbour-writes", stub -> stub.call(TargetGrpc.getPutMethod(), put));
    ScheduledExecutorService timer =
        Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().daemon().factory());
    for (Caller caller : List.of(reads, writes)) {
      var _ = timer.scheduleAtFixedRate(caller::call, 0, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
    }
    BufferedReader questions =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    while (questions.readLine() != null) {
      System.out.println(reads.tell());
      System.out.println(writes.tell());
    }
    channel.shutdownNow();
    System.exit(0);
  }

  /** Makes calls on one object, on a new stub whenever the last one broke. */
  private static final class Caller {
    private final DurableObjects objects;
    private final String name;
    private final Function<DurableObjectStub, ListenableFuture<?>> method;

    // The timer's own.
    private @Nullable DurableObjectStub stub;

    // Guarded by this.
    private List<Long> nanos = new ArrayList<>();
    private final List<Long> pending = new ArrayList<>();
    private int failures;
    private String failure = "";

    Caller(
        DurableObjects objects,
        String name,
        Function<DurableObjectStub, ListenableFuture<?>> method) {
      this.objects = objects;
      this.name = name;
      this.method = method;
    }

    void call() {
      DurableObjectStub open = stub;
      if (open == null || open.isBroken()) {
        open = objects.namespace(TargetNamespace.NAME).getByName(name);
        stub = open;
      }
      Long began = System.nanoTime();
      synchronized (this) {
        pending.add(began);
      }
      Futures.addCallback(
          method.apply(open),
          new FutureCallback<Object>() {
            @Override
            public void onSuccess(Object result) {
              answered(began, null);
            }

            @Override
            public void onFailure(Throwable thrown) {
              answered(began, thrown);
            }
          },
          MoreExecutors.directExecutor());
    }

    private synchronized void answered(Long began, @Nullable Throwable thrown) {
      pending.remove(began);
      nanos.add(System.nanoTime() - began);
      if (thrown != null) {
        failures++;
        failure = String.valueOf(thrown.getMessage());
      }
    }

    /** Calls that are unanswered count with the time that they have taken up to now. */
    synchronized String tell() {
      long now = System.nanoTime();
      List<Long> all = nanos;
      nanos = new ArrayList<>();
      for (long began : pending) {
        all.add(now - began);
      }
      Latencies latencies = Latencies.of(all, failures, failure);
      failures = 0;
      failure = "";
      return latencies.format();
    }
  }
}
