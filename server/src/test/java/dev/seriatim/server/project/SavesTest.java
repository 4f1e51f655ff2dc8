package dev.seriatim.server.project;

import static com.google.common.truth.Truth.assertThat;

import org.junit.jupiter.api.Test;

/** When what was saved is compiled. */
final class SavesTest {
  private final Saves<String> saves = new Saves<>("a");

  @Test
  void whatWasCompiledIsNotCompiledAgain() {
    assertThat(saves.look("a")).isFalse();
    assertThat(saves.look("a")).isFalse();
  }

  @Test
  void aSaveIsCompiledOnceWhenItRests() {
    assertThat(saves.look("b")).isFalse();
    assertThat(saves.look("b")).isTrue();
    assertThat(saves.look("b")).isFalse();
  }

  @Test
  void manySavesOneAfterTheOtherAreCompiledOnce() {
    assertThat(saves.look("b")).isFalse();
    assertThat(saves.look("c")).isFalse();
    assertThat(saves.look("d")).isFalse();
    assertThat(saves.look("d")).isTrue();
  }

  @Test
  void whatIsSavedAsItWasCompiledNeedsNothing() {
    assertThat(saves.look("b")).isFalse();
    assertThat(saves.look("a")).isFalse();
    assertThat(saves.look("a")).isFalse();
  }
}
