package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.seriatim.stub.FakeHost.get;
import static dev.seriatim.stub.FakeHost.number;

import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import dev.seriatim.v1.ConnectManyRequest;
import dev.seriatim.v1.ConnectManyResponse;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.LaneRequest;
import dev.seriatim.v1.LaneResponse;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.Outcome;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Stubs that are opened, called once and closed. */
@Timeout(120)
final class StubForEachCallTest {
  private static final int STUBS = 20_000;
  private static final int AT_ONCE = 256;

  /** Answers each invocation with its argument. */
  private static final class EchoHost extends DurableObjectsGrpc.DurableObjectsImplBase {
    private static final String ID = FakeHost.IDS.fromName("foo").toString();

    private final AtomicInteger messages = new AtomicInteger();
    private final AtomicInteger ended = new AtomicInteger();

    @Override
    public StreamObserver<ConnectManyRequest> connectMany(
        StreamObserver<ConnectManyResponse> responses) {
      return new StreamObserver<>() {
        @Override
        public void onNext(ConnectManyRequest message) {
          messages.incrementAndGet();
          ConnectManyResponse.Builder answer = ConnectManyResponse.newBuilder();
          for (LaneRequest part : message.getLanesList()) {
            answer(part, answer.addLanesBuilder().setLane(part.getLane()));
          }
          responses.onNext(answer.build());
        }

        @Override
        public void onError(Throwable thrown) {}

        @Override
        public void onCompleted() {
          responses.onCompleted();
        }
      };
    }

    private void answer(LaneRequest part, LaneResponse.Builder answer) {
      if (part.hasFrame()) {
        ConnectResponse.Builder frame = answer.getFrameBuilder();
        if (part.getFrame().hasOpen()) {
          frame.setOpened(Opened.newBuilder().setId(ID));
        }
        for (Invocation invocation : part.getFrame().getInvocationsList()) {
          frame.addOutcomes(
              Outcome.newBuilder()
                  .setSequence(invocation.getSequence())
                  .setMessage(invocation.getMessage()));
        }
      } else if (part.getHalfClose()) {
        answer.getEndBuilder();
        ended.incrementAndGet();
      }
    }
  }

  @Test
  void theyLeaveNothingBehind() throws Exception {
    String name = InProcessServerBuilder.generateName();
    EchoHost host = new EchoHost();
    Server server = InProcessServerBuilder.forName(name).addService(host).build().start();
    ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
    try {
      DurableObjects client =
          DurableObjects.on(channel, ClientOptions.builder().sharedCalls(1).build());
      List<WeakReference<Session>> sessions = new ArrayList<>();
      Semaphore room = new Semaphore(AT_ONCE);
      AtomicInteger wrong = new AtomicInteger();
      for (int i = 0; i < STUBS; i++) {
        room.acquire();
        sessions.add(new WeakReference<>(callOnce(client, i, room, wrong)));
      }
      room.acquire(AT_ONCE);
      assertThat(wrong.get()).isEqualTo(0);
      until("every lane has ended", () -> host.ended.get() == STUBS);
      until("no lane is left", () -> client.attachedLanes() == 0);
      until("every stub is collected", () -> collected(sessions));
      // The message that opens a stub may open others, too, and so may the one that closes it.
      assertThat(host.messages.get()).isAtMost(2 * STUBS);
    } finally {
      channel.shutdownNow();
      server.shutdownNow();
    }
  }

  private static Session callOnce(
      DurableObjects client, int number, Semaphore room, AtomicInteger wrong) {
    try (DurableObjectStub stub = client.namespace("ECHO").getByName("foo")) {
      ListenableFuture<EchoMessage> call = stub.call(EchoGrpc.getEchoMethod(), number(number));
      call.addListener(
          () -> {
            try {
              if (!get(call).equals(number(number))) {
                wrong.incrementAndGet();
              }
            } catch (Exception e) {
              wrong.incrementAndGet();
            }
            room.release();
          },
          Runnable::run);
      return stub.session();
    }
  }

  private static boolean collected(List<WeakReference<Session>> sessions) {
    System.gc();
    return sessions.stream().allMatch(session -> session.get() == null);
  }

  private static void until(String what, BooleanSupplier condition) {
    long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      assertWithMessage("%s: never", what).that(System.nanoTime()).isLessThan(patience);
      Thread.onSpinWait();
    }
  }
}
