package dev.seriatim.service.object;

import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.Session;
import dev.seriatim.v1.Broken;
import dev.seriatim.wire.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The far end of a stub: notes what it is sent, and every breach of the rules. Can stop reading.
 */
final class RecordingAttachment implements Attachment {
  private final AtomicInteger writers = new AtomicInteger();
  private volatile boolean reading = true;

  // Guarded by this.
  private final List<Long> outcomes = new ArrayList<>();
  private final List<String> breaches = new ArrayList<>();
  private @Nullable Broken broken;
  private @Nullable Status status;

  /** Whether the client reads. Who sets it to true must call {@link Session#onReady} then. */
  void setReading(boolean now) {
    reading = now;
  }

  @Override
  public boolean isReady() {
    return reading;
  }

  @Override
  public void send(List<Outcome> sent, @Nullable Broken last) {
    enter("send");
    synchronized (this) {
      if (status != null) {
        breaches.add("send after close");
      }
      if (broken != null) {
        breaches.add("send after broken");
      }
      if (sent.isEmpty() && last == null) {
        breaches.add("an empty frame");
      }
      for (Outcome outcome : sent) {
        outcomes.add(outcome.sequence());
        if (outcome.sequence() != outcomes.size()) {
          breaches.add("outcome %d in place %d".formatted(outcome.sequence(), outcomes.size()));
        }
      }
      if (last != null) {
        broken = last;
        if (last.getCompletedThrough() != outcomes.size()) {
          breaches.add(
              "completed through %d behind %d outcomes"
                  .formatted(last.getCompletedThrough(), outcomes.size()));
        }
      }
      notifyAll();
    }
    writers.decrementAndGet();
  }

  @Override
  public void close(Status end) {
    enter("close");
    synchronized (this) {
      if (status != null) {
        breaches.add("close after close");
      }
      // A stub that is lost ends with UNAVAILABLE, and without a break.
      if (end.getCode() == Code.OK_VALUE
          ? broken != null
          : broken == null && end.getCode() != Code.UNAVAILABLE_VALUE) {
        breaches.add("closed with " + end + ", broken " + broken);
      }
      status = end;
      notifyAll();
    }
    writers.decrementAndGet();
  }

  private void enter(String what) {
    if (writers.incrementAndGet() != 1) {
      synchronized (this) {
        breaches.add(what + " beside another writer");
      }
    }
  }

  synchronized int outcomes() {
    return outcomes.size();
  }

  synchronized @Nullable Broken broken() {
    return broken;
  }

  synchronized boolean isClosed() {
    return status != null;
  }

  /** How the call ended; it must have. */
  synchronized Status status() {
    return Objects.requireNonNull(status);
  }

  synchronized List<String> breaches() {
    return List.copyOf(breaches);
  }
}
