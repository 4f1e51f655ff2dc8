package dev.seriatim.wire;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.Outcome;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is seen of frames without reading them is what is in them. */
final class FrameScanTest {
  private static final int FRAMES = 2_000;

  private static ConnectRequest request(Random random) {
    ConnectRequest.Builder request = ConnectRequest.newBuilder();
    if (random.nextInt(4) == 0) {
      request.setOpen(Open.newBuilder().setNamespace("N").setName("n"));
    }
    for (int i = random.nextInt(5); i > 0; i--) {
      request.addInvocations(
          Invocation.newBuilder()
              .setSequence(random.nextLong())
              .setMessage(ByteString.copyFrom(new byte[random.nextInt(40_000)])));
    }
    return request.build();
  }

  @Test
  void requestsAreCountedAndCut() {
    Seeds.each(1, seed -> checkRequests(new Random(seed)));
  }

  private static void checkRequests(Random random) throws InvalidProtocolBufferException {
    for (int i = 0; i < FRAMES; i++) {
      ConnectRequest request = request(random);
      FrameScan scan = FrameScan.ofRequest(request.toByteArray());
      assertThat(scan)
          .isEqualTo(new FrameScan(request.hasOpen(), request.getInvocationsCount(), false, true));
      int skipped = random.nextInt(request.getInvocationsCount() + 1);
      ConnectRequest.Builder rest = request.toBuilder().clearOpen();
      for (int n = 0; n < skipped; n++) {
        rest.removeInvocations(0);
      }
      assertThat(ConnectRequest.parseFrom(FrameScan.requestBehind(request.toByteArray(), skipped)))
          .isEqualTo(rest.build());
    }
  }

  @Test
  void responsesAreCountedAndCut() {
    Seeds.each(1, seed -> checkResponses(new Random(seed)));
  }

  private static void checkResponses(Random random) throws InvalidProtocolBufferException {
    for (int i = 0; i < FRAMES; i++) {
      ConnectResponse.Builder response = ConnectResponse.newBuilder();
      for (int n = random.nextInt(4); n > 0; n--) {
        response.addOutcomes(Outcome.newBuilder().setSequence(random.nextInt(300)));
      }
      if (random.nextBoolean()) {
        response.setOpened(Opened.newBuilder().setId("id"));
      }
      if (random.nextBoolean()) {
        response.setBroken(Broken.newBuilder().setCompletedThrough(random.nextInt(5)));
      }
      byte[] bytes = response.build().toByteArray();
      assertThat(FrameScan.ofResponse(bytes))
          .isEqualTo(
              new FrameScan(
                  response.hasOpened(), response.getOutcomesCount(), response.hasBroken(), true));
      assertThat(FrameScan.hasOutcomes(bytes)).isEqualTo(response.getOutcomesCount() > 0);
      assertThat(ConnectResponse.parseFrom(FrameScan.responseBefore(bytes)))
          .isEqualTo(response.clearBroken().build());
    }
  }

  @Test
  void aFrameThatIsCutOffCountsUpToThere() {
    Seeds.each(1, seed -> checkCutOff(new Random(seed)));
  }

  private static void checkCutOff(Random random) {
    for (int i = 0; i < FRAMES; i++) {
      byte[] whole = request(random).toByteArray();
      byte[] cut = Arrays.copyOf(whole, random.nextInt(whole.length + 1));
      RequestFrame read = RequestFrame.parse(cut);
      FrameScan scan = FrameScan.ofRequest(cut);
      assertThat(scan.whole()).isEqualTo(read.fault() == null);
      assertThat(scan.count()).isEqualTo(read.invocations().size());
      byte[] same = FrameScan.requestBehind(cut, 0);
      assertThat(RequestFrame.parse(same).invocations()).hasSize(read.invocations().size());
    }
  }
}
