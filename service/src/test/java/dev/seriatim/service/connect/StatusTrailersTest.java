package dev.seriatim.service.connect;

import static com.google.common.truth.Truth.assertWithMessage;
import static java.nio.charset.StandardCharsets.US_ASCII;

import com.google.common.base.Utf8;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.BytesValue;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import dev.seriatim.service.Seeds;
import io.grpc.InternalMetadata;
import io.grpc.InternalStatus;
import io.grpc.Metadata;
import io.grpc.protobuf.StatusProto;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Any cause fits its call's trailers. */
final class StatusTrailersTest {
  private static final int CAUSES = 500;
  private static final List<String> CHARACTERS =
      List.of("a", "%", "~", "\u0001", "\u007f", "ö", "€", "😀");

  /** Of the seed that is played. */
  private Random random = new Random();

  private String text(int mostBytes) {
    StringBuilder text = new StringBuilder();
    int most = random.nextInt(mostBytes + 1);
    String one = CHARACTERS.get(random.nextInt(CHARACTERS.size()));
    boolean mixed = random.nextBoolean();
    int bytes = 0;
    while (true) {
      String next = mixed ? CHARACTERS.get(random.nextInt(CHARACTERS.size())) : one;
      bytes += Utf8.encodedLength(next);
      if (bytes > most) {
        return text.toString();
      }
      text.append(next);
    }
  }

  private Status cause() {
    ErrorInfo.Builder info =
        ErrorInfo.newBuilder().setReason("OBJECT_EXCEPTION").setDomain("seriatim.dev");
    if (random.nextInt(3) == 0) {
      info.putMetadata("object.metadata.x", text(random.nextInt(4) == 0 ? 20_000 : 1_100));
    }
    if (random.nextInt(5) == 0) {
      info.putMetadata("object.details_left_out", "3");
    }
    Status.Builder cause =
        Status.newBuilder()
            .setCode(1 + random.nextInt(16))
            .setMessage(text(2000))
            .addDetails(Any.pack(info.build()));
    for (int i = random.nextInt(6); i > 0; i--) {
      int bytes = random.nextInt(random.nextInt(4) == 0 ? 20_000 : 1_500);
      cause.addDetails(Any.pack(BytesValue.of(ByteString.copyFrom(new byte[bytes]))));
    }
    return cause.build();
  }

  /** What HTTP/2 counts, of the trailers that gRPC sends for this. */
  private static int http2Bytes(Status told) throws Exception {
    Metadata trailers = new Metadata();
    Metadata details = StatusProto.toStatusRuntimeException(told).getTrailers();
    if (details != null) {
      trailers.merge(details);
    }
    trailers.put(InternalStatus.MESSAGE_KEY, told.getMessage());
    byte[][] serialized = InternalMetadata.serialize(trailers);
    int bytes = 0;
    for (int i = 0; i < serialized.length; i += 2) {
      boolean binary = new String(serialized[i], US_ASCII).endsWith("-bin");
      int value = serialized[i + 1].length;
      bytes += serialized[i].length + (binary ? (value + 2) / 3 * 4 : value) + 32;
    }
    return bytes;
  }

  @Test
  void whateverTheCauseItFitsAndSaysTheReason() {
    Seeds.each(
        1,
        seed -> {
          random = new Random(seed);
          play();
        });
  }

  private void play() throws Exception {
    for (int i = 0; i < CAUSES; i++) {
      Status cause = cause();
      Status told = StatusTrailers.fit(cause);
      String what = "cause " + i;
      int bytes = http2Bytes(told);
      assertWithMessage(what).that(bytes).isAtMost(StatusTrailers.MAX_BYTES);
      assertWithMessage(what).that(StatusTrailers.wireBytes(told)).isEqualTo(bytes);
      assertWithMessage(what).that(told.getCode()).isEqualTo(cause.getCode());
      assertWithMessage(what).that(cause.getMessage()).startsWith(told.getMessage());
      ErrorInfo info = told.getDetails(0).unpack(ErrorInfo.class);
      assertWithMessage(what).that(info.getReason()).isEqualTo("OBJECT_EXCEPTION");
      if (http2Bytes(cause) <= StatusTrailers.MAX_BYTES) {
        assertWithMessage(what).that(told).isEqualTo(cause);
      } else {
        assertCounted(what, cause, told, info);
      }
      assertWithMessage(what)
          .that(cause.getDetailsList())
          .containsAtLeastElementsIn(told.getDetailsList().subList(1, told.getDetailsCount()))
          .inOrder();
    }
  }

  private static void assertCounted(String what, Status cause, Status told, ErrorInfo info)
      throws Exception {
    ErrorInfo first = cause.getDetails(0).unpack(ErrorInfo.class);
    int before = Integer.parseInt(first.getMetadataOrDefault("object.details_left_out", "0"));
    boolean folded = first.getSerializedSize() > 1024;
    int missing = cause.getDetailsCount() - told.getDetailsCount() + (folded ? 1 : 0);
    assertWithMessage(what)
        .that(Integer.parseInt(info.getMetadataOrDefault("object.details_left_out", "0")))
        .isEqualTo(before + missing);
  }
}
