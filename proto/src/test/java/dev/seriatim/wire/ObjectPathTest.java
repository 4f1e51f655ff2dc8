package dev.seriatim.wire;

import static com.google.common.truth.Truth.assertThat;

import org.junit.jupiter.api.Test;

/** An object in a line of text. */
final class ObjectPathTest {
  private static String path(String name) {
    return ObjectPath.byName("COUNTER", name);
  }

  @Test
  void aPlainNameStandsAsItIs() {
    assertThat(path("foo")).isEqualTo("COUNTER/foo");
    assertThat(path("a/b:c~!")).isEqualTo("COUNTER/a/b:c~!");
  }

  @Test
  void whatAHeaderCantHaveIsEncoded() {
    assertThat(path("Größe")).isEqualTo("COUNTER/Gr%C3%B6%C3%9Fe");
    assertThat(path("a\nSEVERE b")).isEqualTo("COUNTER/a%0ASEVERE%20b");
    assertThat(path("100%?\u007f")).isEqualTo("COUNTER/100%25%3F%7F");
    assertThat(path("\u2028")).isEqualTo("COUNTER/%E2%80%A8");
  }

  @Test
  void aNameIsNoId() {
    assertThat(path("id:foo")).isEqualTo("COUNTER/id%3Afoo");
    assertThat(path("aid:foo")).isEqualTo("COUNTER/aid:foo");
    assertThat(ObjectPath.byId("COUNTER", "00ff")).isEqualTo("COUNTER/id:00ff");
  }
}
