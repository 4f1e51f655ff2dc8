package dev.seriatim.conformance.client;

import com.google.protobuf.ByteString;
import com.google.rpc.Code;
import dev.seriatim.conformance.v1.ClientCase;
import dev.seriatim.conformance.v1.HostEnd;
import dev.seriatim.conformance.v1.HostScript;
import dev.seriatim.conformance.v1.HostStep;
import dev.seriatim.v1.Open;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which call of a client plays which script of the case. Fields are guarded by {@code this}. */
final class Scripts {
  private static final HostStep NO_SCRIPT =
      HostStep.newBuilder()
          .setEnd(HostEnd.newBuilder().setCode(Code.INTERNAL).setMessage("no script for this"))
          .build();

  private final ClientCase testCase;
  private final List<Open> expectedOpens;

  private final BitSet taken = new BitSet(); // The scripts that were given away.
  private final Map<ByteString, HostSession> sessions = new LinkedHashMap<>(); // By their ids.
  private final List<String> problems = new ArrayList<>();

  /**
   * Begins with none given away.
   *
   * @param expectedOpens what stubs' calls must open, in their order; with some session for a
   *     resumable stub
   */
  Scripts(ClientCase testCase, List<Open> expectedOpens) {
    this.testCase = testCase;
    this.expectedOpens = List.copyOf(expectedOpens);
  }

  /**
   * The part of the case that one stub's call plays.
   *
   * @param session of a resumable stub
   */
  record Part(int number, HostScript script, @Nullable HostSession session) {}

  /** Gives a call its part, by what it opens. */
  synchronized Part take(Open open) {
    Open stub = open.toBuilder().clearSession().build();
    HostSession known = sessions.get(open.getSession().getId());
    if (open.hasSession() && known != null) {
      return take(known, stub);
    }
    for (int i = 0; i < testCase.getHostCount(); i++) {
      if (!taken.get(i)
          && i < expectedOpens.size()
          && expectedOpens.get(i).toBuilder().clearSession().build().equals(stub)) {
        taken.set(i);
        if (open.hasSession() != expectedOpens.get(i).hasSession()) {
          problem(
              "stub's call " + (i + 1) + (open.hasSession() ? " has a" : " has no") + " session");
        }
        if (!open.hasSession()) {
          return new Part(i + 1, testCase.getHost(i), null);
        }
        HostSession made = new HostSession(i + 1, testCase.getHost(i), stub);
        sessions.put(open.getSession().getId(), made);
        return take(made, stub);
      }
    }
    return none("a stub's call that opens " + oneLine(open));
  }

  private Part take(HostSession session, Open stub) {
    if (!session.isOf(stub)) {
      problem("the session of stub's call " + session.stub() + " opens " + oneLine(stub));
    }
    HostScript script = session.next();
    return script == null
        ? none("another connection of stub's call " + session.stub())
        : new Part(session.stub(), script, session);
  }

  private Part none(String call) {
    problem("no script is left for " + call);
    return new Part(0, HostScript.newBuilder().addSteps(NO_SCRIPT).build(), null);
  }

  private static String oneLine(Open open) {
    return "{" + open.toString().strip().replaceAll("\\s+", " ") + "}";
  }

  /** Whether some stub may have any number of connections. */
  boolean repeat() {
    return testCase.getHostList().stream()
        .flatMap(script -> script.getConnectionsList().stream())
        .anyMatch(HostScript::getRepeats);
  }

  /** What was wrong with what calls there were. */
  synchronized List<String> end() {
    List<String> found = new ArrayList<>(problems);
    for (HostSession session : sessions.values()) {
      if (session.missing() > 0) {
        found.add(
            "at the host: stub's call "
                + session.stub()
                + " had "
                + session.connections()
                + " connections, expected "
                + (session.connections() + session.missing()));
      }
    }
    return found;
  }

  private void problem(String text) {
    problems.add("at the host: " + text);
  }
}
