package dev.seriatim.examples;

import com.google.protobuf.Int64Value;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import dev.seriatim.examples.v1.AddReminderRequest;
import dev.seriatim.examples.v1.ListRemindersRequest;
import dev.seriatim.examples.v1.ReminderGrpc;
import dev.seriatim.examples.v1.Reminders;
import dev.seriatim.examples.v1.Reminding;
import dev.seriatim.service.AlarmHandler;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.ListOptions;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * Many reminders for each object, over the object's one alarm, which is always set to the earliest.
 *
 * <p>To remind is to move an entry from {@code waiting/} to {@code given/}. A turn is atomic, so
 * each reminder is given once, however often the alarm has to run.
 */
final class Reminder extends ReminderGrpc.ReminderImplBase implements AlarmHandler {
  private static final ListOptions WAITING = ListOptions.all().prefix("waiting/");
  private static final ListOptions GIVEN = ListOptions.all().prefix("given/").reverse();
  private static final Pattern PAGE = Pattern.compile("[0-9]{16}/[0-9]{16}");
  private static final int MAX_PAGE = 100;
  private static final int MAX_PAGE_BYTES = 1 << 20;
  private static final int MAX_TEXT_BYTES = 64 << 10;
  private static final long MAX_SECONDS = 3660L * 24 * 60 * 60;

  private final DurableObjectStorage storage;
  private final InstantSource clock;

  Reminder(DurableObjectState state) {
    storage = state.storage();
    clock = state.clock();
  }

  @Override
  public void add(AddReminderRequest request, StreamObserver<Reminding> reply) {
    int bytes = request.getTextBytes().size();
    if (bytes < 1 || bytes > MAX_TEXT_BYTES) {
      throw invalid("text of " + bytes + " bytes, expected 1 to " + MAX_TEXT_BYTES);
    }
    if (!request.hasAfter() || !Durations.isValid(request.getAfter())) {
      throw invalid("after is missing or no valid duration, expected 0 s to " + MAX_SECONDS + " s");
    }
    if (Durations.isNegative(request.getAfter()) || request.getAfter().getSeconds() > MAX_SECONDS) {
      throw invalid(
          "after "
              + Durations.toString(request.getAfter())
              + ", expected 0 s to "
              + MAX_SECONDS
              + " s");
    }
    Timestamp due = Timestamps.fromMillis(clock.millis() + Durations.toMillis(request.getAfter()));
    long number = storage.get("count", Int64Value.getDefaultInstance()).getValue() + 1;
    Reminding reminding = Reminding.newBuilder().setText(request.getText()).setDue(due).build();
    storage.put("count", Int64Value.of(number));
    storage.put(WAITING.prefix() + key(due, number), reminding);
    setAlarm();
    reply.onNext(reminding);
    reply.onCompleted();
  }

  @Override
  public void list(ListRemindersRequest request, StreamObserver<Reminders> reply) {
    String waiting = page("waiting", request.getWaiting());
    String given = page("given", request.getGiven());
    Reminders.Builder page = Reminders.newBuilder();
    String nextWaiting =
        read(
            waiting.isEmpty() ? WAITING : WAITING.startAfter(WAITING.prefix() + waiting),
            page::addWaiting);
    String nextGiven =
        read(given.isEmpty() ? GIVEN : GIVEN.end(GIVEN.prefix() + given), page::addGiven);
    reply.onNext(page.setNextWaiting(nextWaiting).setNextGiven(nextGiven).build());
    reply.onCompleted();
  }

  private static String page(String field, String page) {
    if (!page.isEmpty() && !PAGE.matcher(page).matches()) {
      throw invalid("%s '%s', expected next_%s of an earlier answer".formatted(field, page, field));
    }
    return page;
  }

  /** Reads one page, and gives back where to read on; a reply has to fit into a frame. */
  private String read(ListOptions options, Consumer<Reminding> page) {
    int count = 0;
    int bytes = 0;
    String last = "";
    for (Map.Entry<String, Reminding> entry :
        storage.list(options.limit(MAX_PAGE + 1), Reminding.parser()).entrySet()) {
      bytes += entry.getValue().getTextBytes().size();
      if (++count > MAX_PAGE || bytes > MAX_PAGE_BYTES) {
        return last;
      }
      page.accept(entry.getValue());
      last = entry.getKey().substring(options.prefix().length());
    }
    return "";
  }

  @Override
  public void alarm(DueAlarm alarm) {
    for (Map.Entry<String, Reminding> entry :
        storage.list(WAITING.limit(MAX_PAGE), Reminding.parser()).entrySet()) {
      if (toInstant(entry.getValue()).isAfter(clock.instant())) {
        break;
      }
      storage.delete(entry.getKey());
      storage.put(
          GIVEN.prefix() + entry.getKey().substring(WAITING.prefix().length()), entry.getValue());
    }
    setAlarm();
  }

  private void setAlarm() {
    storage.list(WAITING.limit(1), Reminding.parser()).values().stream()
        .findFirst()
        .ifPresent(next -> storage.setAlarm(toInstant(next)));
  }

  /** Sorts by time, and then in the order in which the reminders were added. */
  private static String key(Timestamp due, long number) {
    return "%016d/%016d".formatted(Timestamps.toMillis(due), number);
  }

  private static Instant toInstant(Reminding reminding) {
    return Instant.ofEpochMilli(Timestamps.toMillis(reminding.getDue()));
  }

  private static StatusRuntimeException invalid(String message) {
    return Status.INVALID_ARGUMENT.withDescription(message).asRuntimeException();
  }
}
