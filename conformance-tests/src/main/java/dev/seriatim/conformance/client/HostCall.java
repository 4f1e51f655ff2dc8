package dev.seriatim.conformance.client;

import com.google.rpc.Code;
import dev.seriatim.conformance.v1.DriverOptions;
import dev.seriatim.conformance.v1.HostBroken;
import dev.seriatim.conformance.v1.HostEnd;
import dev.seriatim.conformance.v1.HostOutcomes;
import dev.seriatim.conformance.v1.HostScript;
import dev.seriatim.conformance.v1.HostStep;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One stub's call at the scripted host, whatever carries it: plays its script, and checks what the
 * client sends.
 *
 * <p>The script runs on a thread of its own, which alone sends. Frames come from gRPC's thread.
 * Fields without another word are guarded by {@code this}.
 */
final class HostCall {
  static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final String SHORT = "Say";
  private static final String FULL = "seriatim.conformance.v1.ClientProbe/Say";
  private static final int DEFAULT_UNANSWERED_FRAMES = 4;

  private final Link link;
  private final DriverOptions options;
  private final ScriptedHost host;

  private final List<Invocation> invocations = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();
  private final Deque<Long> unansweredFrames = new ArrayDeque<>();
  private int number;
  private HostScript script = HostScript.getDefaultInstance(); // Known from the first frame on.
  private Open open = Open.getDefaultInstance();
  private int frames;
  private long answered;
  private int timeouts; // How many invocations had one.
  private boolean halfClosed;
  private boolean cancelled;
  private boolean ended; // The call has ended, whoever ended it.
  private boolean scriptDone;

  HostCall(Link link, DriverOptions options, ScriptedHost host) {
    this.link = link;
    this.options = options;
    this.host = host;
  }

  // ---- what the client does --------------------------------------------------------------------

  synchronized void frame(ConnectRequest frame) {
    if (++frames == 1) {
      open = frame.getOpen();
      ScriptedHost.Part part = host.take(open);
      number = part.number();
      script = part.script();
      checkLink();
      Thread.ofVirtual().start(this::play);
    }
    checkOpen(frame);
    if (frame.getInvocationsCount() > 0) {
      checkSize(frame);
      frame.getInvocationsList().forEach(this::take);
      unansweredFrames.addLast((long) invocations.size());
      checkClock();
    }
    notifyAll();
  }

  /** Whether the script hasn't stopped to take frames. */
  synchronized boolean takesMore() {
    return ended || !script.getStopsReading() || invocations.isEmpty();
  }

  private void checkLink() {
    if (link.atSecondHost() != script.getSecondHost()) {
      problem("came to the " + (script.getSecondHost() ? "first" : "second") + " host");
    }
    HostManyCall shared = link.sharedCall();
    boolean own = options.getSharedCalls() == 0 || script.getOwnCall() || host.hasNoConnectMany();
    if (own != (shared == null)) {
      String expected = own ? "a call of Connect" : "a lane of ConnectMany";
      problem(
          "came as "
              + (shared == null ? "a call of Connect" : "a lane")
              + ", expected "
              + expected);
    } else if (shared != null
        && script.getSharedCall() > 0
        && shared.number() != script.getSharedCall()) {
      problem("came on shared call " + shared.number() + ", expected " + script.getSharedCall());
    }
  }

  private void checkOpen(ConnectRequest frame) {
    if (frames > 1) {
      if (frame.hasOpen()) {
        problem("frame " + frames + " has 'open', which only the first may have");
      }
      return;
    }
    if (!frame.hasOpen()) {
      problem("the first frame has no 'open'");
    }
  }

  private void checkSize(ConnectRequest frame) {
    int count = frame.getInvocationsCount();
    int size = frame.toBuilder().clearOpen().build().getSerializedSize();
    if (options.getMaxFrameInvocations() > 0 && count > options.getMaxFrameInvocations()) {
      problem(
          "a frame has "
              + count
              + " invocations, expected at most "
              + options.getMaxFrameInvocations());
    }
    if (options.getMaxFrameBytes() > 0 && count > 1 && size > options.getMaxFrameBytes()) {
      problem(
          "a frame of "
              + count
              + " invocations has "
              + size
              + " bytes, expected at most "
              + options.getMaxFrameBytes());
    }
  }

  private void take(Invocation invocation) {
    long expected = invocations.size() + 1L;
    if (invocation.getSequence() != expected) {
      problem(
          "invocation "
              + Long.toUnsignedString(invocation.getSequence())
              + ", expected invocation "
              + expected);
    }
    invocations.add(invocation);
    if (!invocation.getMethod().equals(SHORT) && !invocation.getMethod().equals(FULL)) {
      problem(
          "method '" + invocation.getMethod() + "', expected '" + SHORT + "' or '" + FULL + "'");
    }
    if (!invocation.hasMessage()) {
      problem("invocation " + expected + " has no 'message'");
    }
    if (!invocation.getMetadataMap().equals(script.getMetadataMap())) {
      Map<String, String> metadata = script.getMetadataMap();
      problem("metadata " + invocation.getMetadataMap() + ", expected " + metadata);
    }
    if (invocation.hasTimeout() && script.getTimeoutAtMostMs() > 0) {
      timeouts++;
      long nanos =
          Duration.ofSeconds(
                  invocation.getTimeout().getSeconds(), invocation.getTimeout().getNanos())
              .toNanos();
      if (nanos < 0 || nanos > Duration.ofMillis(script.getTimeoutAtMostMs()).toNanos()) {
        problem(
            "invocation "
                + expected
                + " has timeout "
                + oneLine(invocation.getTimeout())
                + ", expected at most "
                + script.getTimeoutAtMostMs()
                + " ms");
      }
    } else if (invocation.hasTimeout()) {
      problem("invocation " + expected + " has a timeout that its caller didn't set");
    }
  }

  private void checkClock() {
    while (!unansweredFrames.isEmpty() && unansweredFrames.getFirst() <= answered) {
      unansweredFrames.removeFirst();
    }
    int most =
        options.getMaxUnansweredFrames() > 0
            ? options.getMaxUnansweredFrames()
            : DEFAULT_UNANSWERED_FRAMES;
    if (unansweredFrames.size() > most) {
      problem(unansweredFrames.size() + " frames are unanswered, expected at most " + most);
    }
  }

  synchronized void halfClosed() {
    halfClosed = true;
    notifyAll();
  }

  /** The client has cancelled it, or it was lost. */
  synchronized void cancelled() {
    cancelled = true;
    ended = true;
    notifyAll();
  }

  /** The host has ended it. */
  synchronized void ended() {
    ended = true;
    notifyAll();
  }

  // ---- what the script does --------------------------------------------------------------------

  private void play() {
    HostScript steps;
    synchronized (this) {
      steps = script;
    }
    try {
      for (HostStep step : steps.getStepsList()) {
        play(step);
      }
    } catch (ScriptException e) {
      problem(e.getMessage());
      giveUp(e.getMessage());
    } catch (InterruptedException e) {
      problem("interrupted");
    } catch (IOException | RuntimeException e) {
      problem("the script failed: " + e);
    } finally {
      synchronized (this) {
        scriptDone = true;
        notifyAll();
      }
    }
  }

  private void giveUp(String why) {
    try {
      link.send(
          List.of(),
          HostEnd.newBuilder()
              .setCode(Code.INTERNAL)
              .setMessage("the script can't go on: " + why)
              .build());
    } catch (ScriptException | InterruptedException e) {
      problem("can't be ended: " + e.getMessage());
    }
  }

  private void play(HostStep step) throws ScriptException, InterruptedException, IOException {
    switch (step.getStepCase()) {
      case RECEIVE -> {
        int count = step.getReceive();
        await(() -> invocations.size() >= count, count + " invocations");
      }
      case OPENED -> send(HostFrames.opened(open, step.getOpened(), host.route(step.getOpened())));
      case OUTCOMES -> sendOutcomes(step.getOutcomes());
      case FRAME -> send(step.getFrame());
      case RAW_FRAME -> link.send(List.of(step.getRawFrame()), null);
      case BROKEN -> {
        HostBroken broken = step.getBroken();
        ConnectResponse frame =
            ConnectResponse.newBuilder().setBroken(HostFrames.broken(broken)).build();
        link.send(List.of(frame.toByteString()), endBehind(broken));
      }
      case END -> link.send(List.of(), step.getEnd());
      case CUT -> host.cut(link.atSecondHost(), step.getCut().getAfterBytes());
      case SILENCE -> host.silence();
      case GO_AWAY -> host.goAway();
      case AWAIT_HALF_CLOSE -> await(() -> halfClosed, "the client's half-close");
      case AWAIT_CANCEL -> await(() -> cancelled, "the client to cancel the call");
      case AWAIT_CALLER -> host.awaitCaller(PATIENCE);
      case SIGNAL -> host.signal(step.getSignal());
      case AWAIT_SIGNAL -> host.awaitSignal(step.getAwaitSignal(), PATIENCE);
      case SERVE -> serve(step.getServe());
      case SHARED_MESSAGE -> sharedCall().sendBytes(step.getSharedMessage().toByteString());
      case RAW_SHARED_MESSAGE -> sharedCall().sendBytes(step.getRawSharedMessage());
      case END_SHARED_CALL -> sharedCall().end(step.getEndSharedCall());
      case HOLD_BACK -> sharedCall().holdBack();
      case LET_GO -> sharedCall().letGo();
      case STEP_NOT_SET -> throw new ScriptException("a step of the script is empty");
    }
  }

  private HostManyCall sharedCall() throws ScriptException {
    HostManyCall shared = link.sharedCall();
    if (shared == null) {
      throw new ScriptException("there is no shared call: the stub has a call of its own");
    }
    return shared;
  }

  private void sendOutcomes(HostOutcomes outcomes) throws ScriptException, InterruptedException {
    long last = Math.max(outcomes.getFirst(), outcomes.getLast());
    List<ConnectResponse> made;
    synchronized (this) {
      made = HostFrames.outcomes(open, invocations, outcomes);
      answered = Math.max(answered, last);
    }
    link.send(
        made.stream().map(ConnectResponse::toByteString).toList(),
        outcomes.hasBroken() ? endBehind(outcomes.getBroken()) : null);
  }

  private static @Nullable HostEnd endBehind(HostBroken broken) {
    if (!broken.getEnd()) {
      return null;
    }
    return HostEnd.newBuilder()
        .setCodeValue(broken.getCodeValue())
        .setMessage(broken.getMessage())
        .build();
  }

  private void serve(int count) throws ScriptException, InterruptedException {
    while (true) {
      HostOutcomes outcomes;
      synchronized (this) {
        if (answered >= count) {
          return;
        }
        await(() -> invocations.size() > answered, count + " invocations");
        checkClock();
        Long last = unansweredFrames.peekFirst();
        if (last == null) {
          throw new ScriptException("nothing is left to answer");
        }
        outcomes = HostOutcomes.newBuilder().setFirst(answered + 1).setLast(last).build();
      }
      sendOutcomes(outcomes);
    }
  }

  private void send(ConnectResponse frame) throws ScriptException, InterruptedException {
    link.send(List.of(frame.toByteString()), null);
  }

  private synchronized void await(BooleanSupplier condition, String what)
      throws ScriptException, InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      long left = end - System.nanoTime();
      if (left <= 0 || ended) {
        throw new ScriptException(
            what + " never came; " + invocations.size() + " invocations came");
      }
      wait(Math.max(1, left / 1_000_000));
    }
  }

  // ---- the end ---------------------------------------------------------------------------------

  /** Waits until script and call have ended, and gives what was wrong. */
  synchronized List<String> end(Duration patience) throws InterruptedException {
    long end = System.nanoTime() + patience.toNanos();
    while (!ended || (frames > 0 && !scriptDone)) {
      long left = end - System.nanoTime();
      if (left <= 0) {
        problem(
            !ended
                ? "the call goes on, though the client was closed"
                : "the script didn't come to its end");
        break;
      }
      wait(Math.max(1, left / 1_000_000));
    }
    if (frames == 0) {
      problem("the call began, and no frame came");
    }
    if (script.hasInvocations() && invocations.size() != script.getInvocations()) {
      problem(
          invocations.size()
              + " invocations came, expected "
              + script.getInvocations()
              + " in all");
    }
    if (script.getTimeoutAtMostMs() > 0 && timeouts == 0) {
      problem("no invocation had a timeout");
    }
    if (script.getMaxFrames() > 0 && frames > script.getMaxFrames()) {
      problem(frames + " frames came, expected at most " + script.getMaxFrames());
    }
    return List.copyOf(problems);
  }

  private synchronized void problem(String text) {
    problems.add("at the host, stub's call " + number + ": " + text);
  }

  private static String oneLine(com.google.protobuf.MessageOrBuilder message) {
    return "{" + message.toString().strip().replaceAll("\\s+", " ") + "}";
  }
}
