package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

final class DurableObjectIdsTest {
  private final DurableObjectIds ids = new DurableObjectIds("mykey");

  @Test
  void derivesTheSameIdAsTheOpenRuntime() {
    assertThat(ids.fromName("http://foo/").toString())
        .isEqualTo("59002eb8cf872e541722977a258a12d6a93bbe8192b502e1c0cb250aa91af234");
  }

  @Test
  void equalsComparesBytesAndForgetsTheName() {
    DurableObjectId named = ids.fromName("foo");
    DurableObjectId parsed = ids.fromString(named.toString());

    assertThat(parsed).isEqualTo(named);
    assertThat(parsed.hashCode()).isEqualTo(named.hashCode());
    assertThat(named.name()).hasValue("foo");
    assertThat(parsed.name()).isEmpty();
  }

  @Test
  void uniqueIdsDifferAndBelongToTheNamespace() {
    DurableObjectId one = ids.newUniqueId();

    assertThat(one).isNotEqualTo(ids.newUniqueId());
    assertThat(ids.fromString(one.toString())).isEqualTo(one);
  }

  @Test
  void refusesWhatIsNoIdOfTheNamespace() {
    String hex = ids.fromName("foo").toString();
    assertRefused(() -> ids.fromString(hex.substring(1)), "expected 64 lower-case hex digits");
    assertRefused(() -> ids.fromString(hex + "0"), "expected 64 lower-case hex digits");
    assertRefused(
        () -> ids.fromString(hex.toUpperCase(java.util.Locale.ROOT)),
        "expected 64 lower-case hex digits");
    assertRefused(
        () -> ids.fromString(new DurableObjectIds("other").fromName("foo").toString()),
        "is of another namespace");
  }

  @Test
  void namesAreOneTo1024BytesOfUtf8() {
    assertRefused(() -> ids.fromName(""), "name has 0 bytes, expected 1 to 1024");
    assertRefused(() -> ids.fromName("é".repeat(513)), "name has 1026 bytes, expected 1 to 1024");
    assertRefused(() -> ids.fromName("\ud800"), "not valid Unicode");
    assertThat(ids.fromName("é".repeat(512))).isNotNull();
  }

  private static void assertRefused(Runnable call, String message) {
    IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, call::run);
    assertThat(refusal).hasMessageThat().contains(message);
  }
}
