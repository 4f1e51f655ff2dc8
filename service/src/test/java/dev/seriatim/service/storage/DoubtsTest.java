package dev.seriatim.service.storage;

import static com.google.common.truth.Truth.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** When a host that may have owned what the store has forgotten is known to know better. */
final class DoubtsTest {
  private static HostTable.Peer peer(String host, long beat, long done) {
    Beats.Other other = new Beats.Other(host, "sign " + beat, 1, 1);
    return new HostTable.Peer(other, /* shares= */ true, /* said= */ 0, beat, done);
  }

  private static Doubts of(HostTable.Peer... peers) {
    return new Doubts(List.of(peers).stream().map(HostTable.Peer::other).toList());
  }

  @Test
  void nobodyIsInDoubtIfNobodyIsThere() {
    assertThat(of().areOver()).isTrue();
  }

  @Test
  void aBeatAloneProvesNothing() {
    Doubts doubts = of(peer("a", 7, 7));
    doubts.look(List.of(peer("a", 7, 7)));
    assertThat(doubts.areOver()).isFalse();
    // It was done with 10 in the time that the store has forgotten; 11 is its first since.
    doubts.look(List.of(peer("a", 11, 10)));
    assertThat(doubts.areOver()).isFalse();
    doubts.look(List.of(peer("a", 12, 10)));
    assertThat(doubts.areOver()).isFalse();
    doubts.look(List.of(peer("a", 13, 12)));
    assertThat(doubts.areOver()).isTrue();
  }

  @Test
  void whoIsGoneThinksNothingAndWhoComesKnows() {
    Doubts doubts = of(peer("a", 7, 7), peer("b", 1, 1));
    doubts.look(List.of(peer("b", 2, 1), peer("c", 1, 0)));
    assertThat(doubts.areOver()).isFalse();
    doubts.look(List.of(peer("b", 3, 2), peer("c", 1, 0)));
    assertThat(doubts.areOver()).isTrue();
  }

  @Test
  void aHostOfAVersionThatSaysNothingOfItIsBelievedAtItsNextBeat() {
    Doubts doubts = of(peer("a", 7, 7));
    doubts.look(List.of(peer("a", 8, 8)));
    assertThat(doubts.areOver()).isTrue();
  }
}
