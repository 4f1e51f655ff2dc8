package dev.seriatim.conformance.client;

import com.google.protobuf.MessageOrBuilder;
import dev.seriatim.conformance.v1.DriverOptions;
import dev.seriatim.conformance.v1.HostScript;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.Invocation;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The frames that a client sends on one stub's call: takes and checks them. For one thread at a
 * time.
 */
final class CallerFrames {
  private static final String SHORT = "Say";
  private static final String FULL = "seriatim.conformance.v1.ClientProbe/Say";
  private static final int DEFAULT_UNANSWERED_FRAMES = 4;

  private final DriverOptions options;
  private final HostScript script;
  private final @Nullable HostSession session;
  private final boolean resumes;
  private final Consumer<String> problems;

  private final List<Invocation> invocations = new ArrayList<>();
  private final Deque<Long> unansweredFrames = new ArrayDeque<>();
  private int frames;
  private long before; // The number before the first that is expected.
  private boolean opened; // What resumes has been told where it stands.
  private long answered;
  private long acknowledged;
  private int timeouts; // How many invocations had one.

  /**
   * Takes the frames of a call.
   *
   * @param session none, if the stub isn't a resumable one
   * @param resumes whether it is another connection than the first
   */
  CallerFrames(
      DriverOptions options,
      HostScript script,
      @Nullable HostSession session,
      boolean resumes,
      Consumer<String> problems) {
    this.options = options;
    this.script = script;
    this.session = session;
    this.resumes = resumes;
    this.problems = problems;
  }

  // ---- what the client does

  void take(ConnectRequest frame) {
    if (frame.hasOpen() != (++frames == 1)) {
      problems.accept(
          frames == 1
              ? "the first frame has no 'open'"
              : "frame " + frames + " has 'open', which only the first may have");
    }
    acknowledge(frame.getAcknowledgedThrough());
    if (frame.getInvocationsCount() > 0) {
      checkSize(frame);
      if (resumes && !opened) {
        problems.accept(frame.getInvocationsCount() + " invocations came before 'opened'");
      }
      frame.getInvocationsList().forEach(this::take);
      unansweredFrames.addLast(through());
      checkClock();
    }
  }

  private void acknowledge(long number) {
    if (number == 0 || session == null) {
      return;
    }
    String wrong = session.acknowledged(number);
    if (wrong != null) {
      problems.accept(wrong);
    } else if (number < acknowledged) {
      problems.accept("acknowledged_through went back from " + acknowledged + " to " + number);
    } else {
      acknowledged = number;
    }
  }

  private void checkSize(ConnectRequest frame) {
    int count = frame.getInvocationsCount();
    int size = frame.toBuilder().clearOpen().build().getSerializedSize();
    if (options.getMaxFrameInvocations() > 0 && count > options.getMaxFrameInvocations()) {
      problems.accept(
          "a frame has "
              + count
              + " invocations, expected at most "
              + options.getMaxFrameInvocations());
    }
    if (options.getMaxFrameBytes() > 0 && count > 1 && size > options.getMaxFrameBytes()) {
      problems.accept(
          "a frame of "
              + count
              + " invocations has "
              + size
              + " bytes, expected at most "
              + options.getMaxFrameBytes());
    }
  }

  private void take(Invocation invocation) {
    long expected = through() + 1;
    if (invocation.getSequence() != expected) {
      problems.accept(
          "invocation "
              + Long.toUnsignedString(invocation.getSequence())
              + ", expected invocation "
              + expected);
    }
    invocations.add(invocation);
    if (session != null) {
      session.received(invocation);
    }
    if (!invocation.getMethod().equals(SHORT) && !invocation.getMethod().equals(FULL)) {
      problems.accept(
          "method '" + invocation.getMethod() + "', expected '" + SHORT + "' or '" + FULL + "'");
    }
    if (!invocation.hasMessage()) {
      problems.accept("invocation " + expected + " has no 'message'");
    }
    if (!invocation.getMetadataMap().equals(script.getMetadataMap())) {
      Map<String, String> metadata = script.getMetadataMap();
      problems.accept("metadata " + invocation.getMetadataMap() + ", expected " + metadata);
    }
    if (invocation.hasTimeout()) {
      checkTimeout(invocation);
    }
  }

  private void checkTimeout(Invocation invocation) {
    String said =
        "invocation "
            + invocation.getSequence()
            + " has timeout "
            + oneLine(invocation.getTimeout());
    timeouts++;
    if (script.getTimeoutAtMostMs() == 0 && !script.getTimeoutZero()) {
      problems.accept(said + ", which its caller didn't set");
      return;
    }
    long nanos =
        Duration.ofSeconds(invocation.getTimeout().getSeconds(), invocation.getTimeout().getNanos())
            .toNanos();
    long most = Duration.ofMillis(script.getTimeoutAtMostMs()).toNanos(); // 0, if it must be zero.
    if (nanos < 0 || nanos > most) {
      problems.accept(said + ", expected at most " + script.getTimeoutAtMostMs() + " ms");
    }
  }

  private void checkClock() {
    long left = firstUnanswered();
    int most =
        options.getMaxUnansweredFrames() > 0
            ? options.getMaxUnansweredFrames()
            : DEFAULT_UNANSWERED_FRAMES;
    if (left > 0 && unansweredFrames.size() > most) {
      problems.accept(unansweredFrames.size() + " frames are unanswered, expected at most " + most);
    }
  }

  // ---- what the host does

  /** Of a connection behind the first: the client is told that this number has completed. */
  void opened(long completedThrough) {
    opened = true;
    if (resumes) {
      before = completedThrough;
      answered = completedThrough;
    }
  }

  /** Outcomes up to this number are about to be sent. */
  void answered(long number) {
    answered = Math.max(answered, number);
    if (session != null) {
      session.told(number);
    }
  }

  long answered() {
    return answered;
  }

  /** The last number of the first frame that isn't answered; 0 if there is none. */
  long firstUnanswered() {
    while (!unansweredFrames.isEmpty() && unansweredFrames.getFirst() <= answered) {
      unansweredFrames.removeFirst();
    }
    return unansweredFrames.isEmpty() ? 0 : unansweredFrames.getFirst();
  }

  /** The invocation with this number; null if it hasn't come, on any connection. */
  @Nullable Invocation invocation(long number) {
    if (session != null) {
      return session.invocation(number);
    }
    return number >= 1 && number <= invocations.size() ? invocations.get((int) number - 1) : null;
  }

  /** The number of the last invocation that came. */
  long through() {
    return before + invocations.size();
  }

  int invocations() {
    return invocations.size();
  }

  /** Through which number this call's frames have acknowledged outcomes. */
  long acknowledged() {
    return acknowledged;
  }

  /** Says what was wrong with all of them together. */
  void end() {
    if (script.hasInvocations() && invocations.size() != script.getInvocations()) {
      problems.accept(
          invocations.size()
              + " invocations came, expected "
              + script.getInvocations()
              + " in all");
    }
    if ((script.getTimeoutAtMostMs() > 0 || script.getTimeoutZero()) && timeouts == 0) {
      problems.accept("no invocation had a timeout");
    }
    if (script.getMaxFrames() > 0 && frames > script.getMaxFrames()) {
      problems.accept(frames + " frames came, expected at most " + script.getMaxFrames());
    }
  }

  private static String oneLine(MessageOrBuilder message) {
    return "{" + message.toString().strip().replaceAll("\\s+", " ") + "}";
  }
}
