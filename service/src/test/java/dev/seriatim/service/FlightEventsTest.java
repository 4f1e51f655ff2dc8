package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.HostListener.AlarmEvent;
import dev.seriatim.service.HostListener.BreakEvent;
import dev.seriatim.service.HostListener.CommitEvent;
import dev.seriatim.service.HostListener.EvictionEvent;
import dev.seriatim.service.HostListener.TurnEvent;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjectIds;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the JDK's flight recorder is told. */
final class FlightEventsTest {
  private static final DurableObjectId OBJECT = new DurableObjectIds("KEY").fromName("alice");

  @TempDir Path directory;

  private interface Telling {
    void to(HostListener listener);
  }

  /** What is recorded of that, in its order. */
  private List<RecordedEvent> recorded(Telling telling) throws Exception {
    Path file = directory.resolve("host.jfr");
    try (Recording recording = new Recording()) {
      for (String name : List.of("Turn", "Commit", "GateWait", "Break", "Eviction", "Alarm")) {
        recording.enable("dev.seriatim." + name).withoutThreshold();
      }
      recording.start();
      telling.to(new HostEvents(new HostListener() {}));
      recording.stop();
      recording.dump(file);
    }
    return RecordingFile.readAllEvents(file).stream()
        .filter(event -> event.getEventType().getName().startsWith("dev.seriatim."))
        .sorted((a, b) -> a.getStartTime().compareTo(b.getStartTime()))
        .toList();
  }

  private static List<String> names(List<RecordedEvent> events) {
    return events.stream()
        .map(event -> event.getEventType().getName().substring("dev.seriatim.".length()))
        .toList();
  }

  private static TurnEvent turn(int millis) {
    return new TurnEvent(
        "CART", OBJECT, "Add", Duration.ofMillis(3), Duration.ofMillis(millis), TurnResult.THREW);
  }

  private static CommitEvent commit(int waitedMillis) {
    return new CommitEvent(
        "sqlite", 2, 5, 700, Duration.ofMillis(4), Duration.ofMillis(waitedMillis));
  }

  @Test
  void aTurnIfItIsSlow() throws Exception {
    List<RecordedEvent> events =
        recorded(
            listener -> {
              listener.turnEnded(turn(19));
              listener.turnEnded(turn(20));
            });
    assertThat(names(events)).containsExactly("Turn");
    RecordedEvent slow = events.getFirst();
    assertThat(slow.getString("namespace")).isEqualTo("CART");
    assertThat(slow.getString("object")).isEqualTo("alice");
    assertThat(slow.getString("method")).isEqualTo("Add");
    assertThat(slow.getString("result")).isEqualTo("THREW");
    assertThat(slow.getDuration("took")).isEqualTo(Duration.ofMillis(20));
    assertThat(slow.getDuration("queued")).isEqualTo(Duration.ofMillis(3));
  }

  @Test
  void aCommitAndALongWaitForIt() throws Exception {
    List<RecordedEvent> events =
        recorded(
            listener -> {
              listener.committed(commit(9));
              listener.committed(commit(10));
            });
    assertThat(names(events)).containsExactly("Commit", "Commit", "GateWait");
    RecordedEvent commit = events.getFirst();
    assertThat(commit.getInt("objects")).isEqualTo(2);
    assertThat(commit.getLong("turns")).isEqualTo(5);
    assertThat(commit.getLong("bytes")).isEqualTo(700);
    assertThat(commit.getDuration("took")).isEqualTo(Duration.ofMillis(4));
    RecordedEvent wait =
        events.stream()
            .filter(event -> event.getEventType().getName().endsWith("GateWait"))
            .findFirst()
            .orElseThrow();
    assertThat(wait.getDuration("waited")).isEqualTo(Duration.ofMillis(10));
    assertThat(wait.getLong("turns")).isEqualTo(5);
  }

  @Test
  void breaksEvictionsAndAlarms() throws Exception {
    DurableObjectId nameless = new DurableObjectIds("KEY").newUniqueId();
    List<RecordedEvent> events =
        recorded(
            listener -> {
              listener.broken(new BreakEvent("CART", nameless, "OBJECT_RESET", 7));
              listener.evicted(new EvictionEvent("CART", OBJECT, EvictionReason.IDLE));
              listener.alarm(
                  new AlarmEvent(
                      "CART",
                      OBJECT,
                      Duration.ofSeconds(2),
                      /* succeeded= */ false,
                      /* dropped= */ true));
            });
    assertThat(names(events)).containsExactly("Break", "Eviction", "Alarm");
    RecordedEvent broken = events.get(0);
    assertThat(broken.getString("object")).isEqualTo(nameless.toString());
    assertThat(broken.getString("reason")).isEqualTo("OBJECT_RESET");
    assertThat(broken.getLong("sequence")).isEqualTo(7);
    assertThat(events.get(1).getString("reason")).isEqualTo("IDLE");
    RecordedEvent alarm = events.get(2);
    assertThat(alarm.getDuration("late")).isEqualTo(Duration.ofSeconds(2));
    assertThat(alarm.getBoolean("succeeded")).isFalse();
    assertThat(alarm.getBoolean("dropped")).isTrue();
  }
}
