package dev.seriatim.conformance.client;

import com.google.protobuf.Duration;
import com.google.protobuf.util.Durations;
import dev.seriatim.conformance.v1.HostOpened;
import dev.seriatim.conformance.v1.HostScript;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.OpenedSession;
import dev.seriatim.v1.Session;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What the scripted host knows of one resumable stub over all of its connections. Fields are
 * guarded by {@code this}.
 */
final class HostSession {
  /** No case lasts longer, so nothing of it can have been unanswered for longer. */
  private static final long LONGEST_AGE_MS = 60_000;

  private static final long RETENTION_MS = 600_000;

  private final int stub;
  private final Open open; // Without the session.
  private final Deque<HostScript> left = new ArrayDeque<>();
  private final Map<Long, Invocation> received = new HashMap<>();
  private int connections; // That were played.
  private int lastNumber; // What the client called the last one.
  private long told; // The last number of which an outcome was sent.
  private long answered; // What the client has said that it has, on the connection that came last.
  private long acknowledged;
  private long oldest; // The oldest unanswered number at the last `open`; 0 for none.
  private long age;

  /**
   * Begins one.
   *
   * @param stub the number of the stub's script
   * @param script of its first connection
   * @param open what each of its connections opens, without the session
   */
  HostSession(int stub, HostScript script, Open open) {
    this.stub = stub;
    this.open = open;
    left.add(script.toBuilder().clearConnections().build());
    left.addAll(script.getConnectionsList());
  }

  int stub() {
    return stub;
  }

  boolean isOf(Open other) {
    return open.equals(other);
  }

  /** The script of the connection that comes now; null if there is none left. */
  synchronized @Nullable HostScript next() {
    HostScript next = left.peekFirst();
    if (next != null) {
      connections++;
      if (!next.getRepeats()) {
        left.removeFirst();
      }
    }
    return next;
  }

  /** How many connections there were. */
  synchronized int connections() {
    return connections;
  }

  /** How many connections are missing. */
  synchronized long missing() {
    return left.stream().filter(one -> !one.getOptional() && !one.getRepeats()).count();
  }

  /** Checks what the client says of it when it opens a connection. */
  synchronized void check(Session session, HostScript script, Consumer<String> problems) {
    if (session.getId().size() != 16) {
      problems.accept("session.id has " + session.getId().size() + " bytes, expected 16");
    }
    checkNumber(session, problems);
    answered = session.getAnsweredThrough();
    if (Long.compareUnsigned(answered, told) > 0) {
      problems.accept(
          "answered_through is " + Long.toUnsignedString(answered) + ", expected at most " + told);
    }
    if (answered < acknowledged) {
      problems.accept(
          "answered_through is " + answered + ", though " + acknowledged + " was acknowledged");
    }
    if (script.hasAnsweredThrough() && answered != script.getAnsweredThrough()) {
      problems.accept(
          "answered_through is " + answered + ", expected " + script.getAnsweredThrough());
    }
    boolean mustBeSet = received.keySet().stream().anyMatch(number -> number > answered);
    if (mustBeSet && !session.hasUnansweredFor()) {
      problems.accept("unanswered_for is not set, though an invocation behind " + answered + " is");
    }
    if (script.hasUnanswered() && script.getUnanswered() != session.hasUnansweredFor()) {
      problems.accept(
          "unanswered_for is "
              + (session.hasUnansweredFor() ? "" : "not ")
              + "set, expected otherwise");
    }
    checkAge(session, problems);
  }

  private void checkNumber(Session session, Consumer<String> problems) {
    int number = session.getConnection();
    if (connections == 1 && number != 1) {
      problems.accept("connection is " + Integer.toUnsignedString(number) + ", expected 1");
    } else if (Integer.compareUnsigned(number, lastNumber) <= 0) {
      problems.accept(
          "connection is "
              + Integer.toUnsignedString(number)
              + ", expected more than "
              + lastNumber);
    }
    lastNumber = number;
  }

  private void checkAge(Session session, Consumer<String> problems) {
    if (!session.hasUnansweredFor()) {
      oldest = 0;
      return;
    }
    Duration said = session.getUnansweredFor();
    long millis = Durations.isValid(said) ? Durations.toMillis(said) : -1;
    if (millis < 0 || millis > LONGEST_AGE_MS) {
      problems.accept("unanswered_for is " + said.getSeconds() + " s, " + said.getNanos() + " ns");
    }
    long first = session.getAnsweredThrough() + 1;
    if (first == oldest && millis < age) {
      problems.accept(
          "unanswered_for is " + millis + " ms, though it was " + age + " ms for the same before");
    }
    oldest = first;
    age = millis;
  }

  /** An invocation has come on any of its connections. */
  synchronized void received(Invocation invocation) {
    received.put(invocation.getSequence(), invocation);
  }

  /** The invocation with this number, if it has ever come. */
  synchronized @Nullable Invocation invocation(long number) {
    return received.get(number);
  }

  /** Outcomes up to this number are about to be sent. */
  synchronized void told(long number) {
    told = Math.max(told, number);
  }

  /** Takes an acknowledgement; gives what is wrong with it, or null. */
  synchronized @Nullable String acknowledged(long number) {
    if (Long.compareUnsigned(number, told) > 0) {
      return "acknowledged_through is "
          + Long.toUnsignedString(number)
          + ", expected at most "
          + told;
    }
    acknowledged = Math.max(acknowledged, number);
    return null;
  }

  /** The last number whose outcome the client had when the last connection came. */
  synchronized long answered() {
    return answered;
  }

  /** What a connection is told of it. */
  synchronized OpenedSession opened(HostOpened script) {
    long completed = script.hasCompletedThrough() ? script.getCompletedThrough() : told;
    if (completed < oldest) {
      oldest = 0; // It is on its way anew when it is sent again, and no earlier copy of it can run.
    }
    return OpenedSession.newBuilder()
        .setCompletedThrough(completed)
        .setRetention(
            Durations.fromMillis(
                script.getRetentionMs() > 0 ? script.getRetentionMs() : RETENTION_MS))
        .build();
  }
}
