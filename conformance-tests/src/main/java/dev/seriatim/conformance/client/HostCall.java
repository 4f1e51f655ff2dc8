package dev.seriatim.conformance.client;

import com.google.rpc.Code;
import dev.seriatim.conformance.v1.DriverOptions;
import dev.seriatim.conformance.v1.HostBroken;
import dev.seriatim.conformance.v1.HostEnd;
import dev.seriatim.conformance.v1.HostOpened;
import dev.seriatim.conformance.v1.HostOutcomes;
import dev.seriatim.conformance.v1.HostScript;
import dev.seriatim.conformance.v1.HostStep;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.OpenedSession;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
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
  static final Duration PATIENCE = Duration.ofSeconds(30);

  private final Link link;
  private final DriverOptions options;
  private final ScriptedHost host;

  private final List<String> problems = new ArrayList<>();
  private HostScript script = HostScript.getDefaultInstance(); // Known from the first frame on.
  private Open open = Open.getDefaultInstance();
  private String name = "stub's call 0";
  private @Nullable HostSession session;
  private @Nullable CallerFrames frames; // From the first on.
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
    CallerFrames taking = frames;
    if (taking == null) {
      taking = begin(frame.getOpen());
      frames = taking;
      taking.take(frame);
      Thread.ofVirtual().start(this::play);
    } else {
      taking.take(frame);
    }
    notifyAll();
  }

  private CallerFrames begin(Open opens) {
    open = opens;
    Scripts.Part part = host.take(open);
    script = part.script();
    session = part.session();
    name = "stub's call " + part.number();
    int connection = 0;
    if (session != null) {
      connection = session.connections();
      name += ", connection " + connection;
      session.check(open.getSession(), script, this::problem);
    }
    checkLink();
    checkCaller();
    return new CallerFrames(options, script, session, connection > 1, this::problem);
  }

  /** Whether the script hasn't stopped to take frames. */
  synchronized boolean takesMore() {
    return ended || !script.getStopsReading() || frames == null || frames.invocations() == 0;
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

  /** Whether the gRPC call says who calls, as it should. */
  private void checkCaller() {
    String came = link.authorization();
    String expected = "Bearer token-" + script.getToken();
    if (script.getToken() > 0 && !expected.equals(came)) {
      problem("its call came with authorization '" + came + "', expected '" + expected + "'");
    } else if (!options.getBearer() && came != null) {
      problem("its call came with authorization '" + came + "', expected none");
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
        await(() -> came().through() >= count, count + " invocations");
      }
      case OPENED -> opened(step.getOpened());
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
      case ACKNOWLEDGED -> checkAcknowledged(step.getAcknowledged());
      case AWAIT_ACKNOWLEDGED -> {
        long number = step.getAwaitAcknowledged();
        await(() -> came().acknowledged() >= number, "the acknowledgement of " + number);
      }
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

  /** The frames that came, which there are when the script is played. */
  private CallerFrames came() {
    return Objects.requireNonNull(frames);
  }

  private void opened(HostOpened said) throws ScriptException, InterruptedException {
    OpenedSession at;
    synchronized (this) {
      at = session(said);
    }
    send(HostFrames.opened(open, said, host.route(said), at));
    if (at != null && !said.hasCompletedThrough()) {
      tellAgain(at.getCompletedThrough());
    }
  }

  /**
   * Sends the outcomes which were sent before, and which the client didn't get: its connection was
   * cut too soon.
   */
  private void tellAgain(long through) throws ScriptException, InterruptedException {
    long first = Objects.requireNonNull(session).answered() + 1;
    if (first <= through) {
      sendOutcomes(HostOutcomes.newBuilder().setFirst(first).setLast(through).build());
    }
  }

  /** What `opened` says of the session, which counts from here on; null if nothing. */
  private @Nullable OpenedSession session(HostOpened said) {
    if (session == null || said.getNoSession()) {
      return null;
    }
    OpenedSession at = session.opened(said);
    came().opened(at.getCompletedThrough());
    return at;
  }

  private synchronized void checkAcknowledged(long number) {
    if (came().acknowledged() != number) {
      problem(came().acknowledged() + " was acknowledged, expected " + number);
    }
  }

  private void sendOutcomes(HostOutcomes outcomes) throws ScriptException, InterruptedException {
    long last = Math.max(outcomes.getFirst(), outcomes.getLast());
    List<ConnectResponse> made;
    synchronized (this) {
      Opened opened =
          outcomes.getOpened()
              ? HostFrames.opened(
                      open,
                      HostOpened.getDefaultInstance(),
                      null,
                      session(HostOpened.getDefaultInstance()))
                  .getOpened()
              : null;
      made = HostFrames.outcomes(opened, came()::invocation, outcomes);
      came().answered(last);
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
        CallerFrames came = came();
        if (came.answered() >= count) {
          return;
        }
        await(() -> came.through() > came.answered(), count + " invocations");
        long last = came.firstUnanswered();
        if (last == 0) {
          throw new ScriptException("nothing is left to answer");
        }
        outcomes = HostOutcomes.newBuilder().setFirst(came.answered() + 1).setLast(last).build();
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
            what + " never came; " + came().invocations() + " invocations came");
      }
      wait(Math.max(1, left / 1_000_000));
    }
  }

  // ---- the end ---------------------------------------------------------------------------------

  /** Waits until script and call have ended, and gives what was wrong. */
  synchronized List<String> end(Duration patience) throws InterruptedException {
    long end = System.nanoTime() + patience.toNanos();
    while (!ended || (frames != null && !scriptDone)) {
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
    if (frames != null) {
      frames.end();
    } else if (!(cancelled && host.repeats())) { // Who gives up resuming may do so here, too.
      problem("the call began, and no frame came");
    }
    return List.copyOf(problems);
  }

  private synchronized void problem(String text) {
    problems.add("at the host, " + name + ": " + text);
  }
}
