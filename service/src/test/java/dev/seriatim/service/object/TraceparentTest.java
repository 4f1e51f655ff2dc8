package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TraceparentTest {
  private static final String IDS = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

  @ParameterizedTest
  @ValueSource(
      strings = {
        "00-" + IDS + "-01",
        "00-" + IDS + "-03",
        "00-" + IDS + "-ff",
        "01-" + IDS + "-01",
        "fe-" + IDS + "-01-what-will-be",
      })
  void isSampled(String value) {
    assertThat(Traceparent.isSampled(value)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "0",
        "00-" + IDS + "-00",
        "00-" + IDS + "-02",
        "00-" + IDS + "-1",
        "00-" + IDS + "-01-",
        "00-" + IDS + "-01 ",
        "00-" + IDS + "-0g",
        "00-" + IDS + "_01",
        "01-" + IDS + "-01.more",
        "ff-" + IDS + "-01",
        "0x-" + IDS + "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b7--01",
        "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
      })
  void isNotSampled(String value) {
    assertThat(Traceparent.isSampled(value)).isFalse();
  }
}
