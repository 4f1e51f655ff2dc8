package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.seriatim.stub.FakeHost.failureOf;
import static dev.seriatim.stub.FakeHost.number;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.stubtest.EchoGrpc;
import dev.seriatim.stubtest.EchoMessage;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A host that can't be reached: how soon it is tried again, and what is said of it. */
@Timeout(120)
final class OutageTest {
  private static final int PATIENCE_MILLIS = 60_000;

  /** With gRPC's own pauses they would take more than two minutes. */
  private static final int ATTEMPTS = 10;

  private final FakeScheduler clock = new FakeScheduler();
  private ServerSocket listening;

  @BeforeEach
  void listen() throws Exception {
    listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    listening.setSoTimeout(PATIENCE_MILLIS);
  }

  @AfterEach
  void stop() throws Exception {
    listening.close();
  }

  private String target() {
    return "127.0.0.1:" + listening.getLocalPort();
  }

  private ClientOptions.Builder options() {
    return ClientOptions.builder()
        .maxReconnectDelay(Duration.ofMillis(100))
        .scheduler(clock)
        .openTimeout(Duration.ofDays(1));
  }

  private static ListenableFuture<EchoMessage> call(DurableObjects client) {
    return client.namespace("ECHO").getByName("foo").call(EchoGrpc.getEchoMethod(), number(1));
  }

  @Test
  void aHostThatIsGoneIsTriedAgainSoonHoweverLongItIsGone() throws Exception {
    try (DurableObjects client =
        DurableObjects.connect(
            target(), InsecureChannelCredentials.create(), OnLanes.options(options().build()))) {
      ListenableFuture<EchoMessage> call = call(client);
      acceptAndClose();
      assertThat(failureOf(call).reason()).isEqualTo(Reasons.CONNECTION_LOST);
      listening.setSoTimeout(50);
      long patience = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MILLIS);
      for (int attempts = 1; attempts < ATTEMPTS; ) {
        clock.advance(120);
        try {
          acceptAndClose();
          attempts++;
        } catch (SocketTimeoutException e) { // The one before has not failed yet.
          assertWithMessage("attempts %s, expected %s", attempts, ATTEMPTS)
              .that(System.nanoTime())
              .isLessThan(patience);
        }
      }
    }
  }

  private void acceptAndClose() throws IOException {
    listening.accept().close();
  }

  @Test
  void aHostThatDoesNotSpeakIsGivenUpInTime() throws Exception {
    try (DurableObjects client =
        DurableObjects.connect(
            target(),
            InsecureChannelCredentials.create(),
            OnLanes.options(options().openTimeout(Duration.ofMillis(700)).build()))) {
      ListenableFuture<EchoMessage> call = call(client);
      try (Socket mute = listening.accept()) {
        assertThat(mute.isConnected()).isTrue();
        clock.advance(699);
        assertThat(call.isDone()).isFalse();
        clock.advance(1);
        CallFailure failure = failureOf(call);
        assertThat(failure.code()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(failure.retryable()).isTrue();
        assertThat(failure)
            .hasMessageThat()
            .isEqualTo(
                "there was no connection to the host within 700 ms"
                    + " [OPEN_OVERDUE, call 1, NOT_EXECUTED]");
      }
    }
  }

  @Test
  void aRefusedConnectionIsSaidToBe() throws Exception {
    try (Nobody nobody = new Nobody();
        DurableObjects client =
            DurableObjects.connect(
                nobody.target(),
                InsecureChannelCredentials.create(),
                OnLanes.options(options().build()))) {
      CallFailure failure = failureOf(call(client));
      assertThat(failure)
          .hasMessageThat()
          .endsWith(
              "Connection refused: /"
                  + nobody.target()
                  + " [CONNECTION_LOST, call 1, NOT_EXECUTED]");
    }
  }

  @Test
  void whatIsWrongWithTlsIsSaid() throws Exception {
    List<Socket> plain = new ArrayList<>();
    Thread answers =
        new Thread(
            () -> {
              try {
                Socket socket = listening.accept();
                plain.add(socket);
                socket.getOutputStream().write("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes(UTF_8));
                socket.getOutputStream().flush();
              } catch (IOException e) {
                // Then the client says that.
              }
            });
    answers.start();
    try (DurableObjects client =
        DurableObjects.connect(
            target(), TlsChannelCredentials.create(), OnLanes.options(options().build()))) {
      CallFailure failure = failureOf(call(client));
      assertThat(failure.fate()).isEqualTo(Fate.NOT_EXECUTED);
      assertThat(failure.failureCause().message()).contains("not an SSL/TLS record");
    } finally {
      answers.join(PATIENCE_MILLIS);
      for (Socket socket : plain) {
        socket.close();
      }
    }
  }
}
