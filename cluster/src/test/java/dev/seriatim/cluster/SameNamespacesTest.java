package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import dev.seriatim.service.storage.Slots.Announcement;
import dev.seriatim.service.storage.Slots.HostRow;
import dev.seriatim.v1.DescribeNamespaceResponse;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class SameNamespacesTest {
  private static final ByteString COUNTER = namespace("COUNTER", "key", "a.Counter");

  @Test
  void letsAHostInThatServesTheSameOrLessOrMore() {
    ByteString other = namespace("OTHER", "other", "a.Other");
    assertThat(refusal(List.of(COUNTER), row(true, COUNTER))).isNull();
    assertThat(refusal(List.of(COUNTER, other), row(true, COUNTER))).isNull();
    assertThat(refusal(List.of(), row(true, COUNTER))).isNull();
    assertThat(refusal(List.of(COUNTER), row(true, other))).isNull();
  }

  @Test
  void refusesAnotherUniqueKey() {
    assertThat(refusal(List.of(COUNTER), row(true, namespace("COUNTER", "other", "a.Counter"))))
        .isEqualTo(
            "namespace 'COUNTER' has the unique key 'key', and 'other' elsewhere, at the host at"
                + " there:1 of the same store; expected the same");
  }

  @Test
  void refusesAnotherService() {
    assertThat(refusal(List.of(COUNTER), row(true, namespace("COUNTER", "key", "b.Counter"))))
        .contains("the service 'a.Counter', and 'b.Counter' elsewhere");
  }

  @Test
  void doesNotMindWhoIsGoneOrCantBeRead() {
    assertThat(refusal(List.of(COUNTER), row(false, namespace("COUNTER", "other", "a.Counter"))))
        .isNull();
    assertThat(refusal(List.of(COUNTER), row(true, ByteString.copyFromUtf8("?")))).isNull();
  }

  private static @Nullable String refusal(List<ByteString> own, HostRow row) {
    return SameNamespaces.refusal(own, List.of(row));
  }

  private static HostRow row(boolean live, ByteString namespace) {
    return new HostRow(
        "host",
        new Announcement(
            "there:1", "", "1", List.of(namespace), /* leaving= */ false, ByteString.EMPTY),
        live);
  }

  private static ByteString namespace(String name, String key, String service) {
    return DescribeNamespaceResponse.newBuilder()
        .setName(name)
        .setUniqueKey(key)
        .setService(service)
        .build()
        .toByteString();
  }
}
