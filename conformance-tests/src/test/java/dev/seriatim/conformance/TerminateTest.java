package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.examples.v1.AppendRequest;
import dev.seriatim.examples.v1.AppendResponse;
import dev.seriatim.examples.v1.JournalGrpc;
import dev.seriatim.examples.v1.ReadRequest;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import dev.seriatim.stub.Fate;
import dev.seriatim.stub.Reasons;
import io.grpc.ManagedChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * SIGTERM to the real server under load: every call is accounted for, and the program ends well.
 */
final class TerminateTest {
  private static final int CALLS = 40_000;
  private static final int BEFORE_THE_SIGNAL = 500;

  @TempDir Path directory;

  @Test
  void everyCallIsAccountedFor() throws Exception {
    long appended = 0;
    try (ServerProcess server = ServerProcess.start("--data", directory.toString())) {
      ManagedChannel channel = server.connect();
      DurableObjectStub stub = DurableObjects.on(channel).namespace("JOURNAL").getByName("drain");
      List<ListenableFuture<AppendResponse>> calls = new ArrayList<>();
      for (int i = 1; i <= CALLS; i++) {
        calls.add(
            stub.call(
                JournalGrpc.getAppendMethod(),
                AppendRequest.newBuilder().setLine("line " + i).build()));
      }
      calls.get(BEFORE_THE_SIGNAL).get(60, TimeUnit.SECONDS);
      assertWithMessage("exit code after SIGTERM").that(server.terminate()).isEqualTo(0);
      for (ListenableFuture<AppendResponse> call : calls) {
        CallFailure failure = failureOf(call);
        if (failure == null) {
          appended++;
        } else {
          assertThat(failure.fate()).isEqualTo(Fate.NOT_EXECUTED);
          assertThat(failure.reason()).isEqualTo(Reasons.HOST_DRAINING);
          assertThat(failure.retryable()).isTrue();
        }
      }
      channel.shutdownNow();
    }
    assertThat(appended).isGreaterThan((long) BEFORE_THE_SIGNAL);
    try (ServerProcess server = ServerProcess.start("--data", directory.toString())) {
      ManagedChannel channel = server.connect();
      try (DurableObjectStub stub =
          DurableObjects.on(channel).namespace("JOURNAL").getByName("drain")) {
        JournalGrpc.JournalBlockingStub journal =
            JournalGrpc.newBlockingStub(stub.channel()).withDeadlineAfter(60, TimeUnit.SECONDS);
        ReadRequest behind = ReadRequest.newBuilder().setFrom(appended + 1).build();
        ReadRequest last = ReadRequest.newBuilder().setFrom(appended).build();

        assertWithMessage("lines behind those that were answered")
            .that(journal.read(behind).getLinesList())
            .isEmpty();
        assertThat(journal.read(last).getLinesList()).containsExactly("line " + appended);
      }
      channel.shutdownNow();
    }
  }

  private static @Nullable CallFailure failureOf(ListenableFuture<AppendResponse> call)
      throws Exception {
    try {
      call.get(60, TimeUnit.SECONDS);
      return null;
    } catch (ExecutionException e) {
      return CallFailure.of(e).orElseThrow();
    }
  }
}
