package dev.seriatim.conformance;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.hash.Hashing;
import com.google.protobuf.ByteString;
import dev.seriatim.conformance.v1.ExpectedOpened;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.Session;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The sessions of one run of one case. Owned by the thread of the run. */
final class Sessions {
  private static final int ID_BYTES = 16;

  private final Variables variables;

  /** What was sent, by what each opens without the number of its connection. */
  private final Map<Open, Map<Long, Invocation.ArgumentCase>> sent = new HashMap<>();

  Sessions(Variables variables) {
    this.variables = variables;
  }

  /** What a stub opens, with the id of its session, and what is known of it told to its call. */
  Open open(Open given, ConnectCall stub) throws CaseFailure {
    if (!given.hasSession()) {
      return given;
    }
    Open.Builder open = given.toBuilder();
    Session.Builder session = open.getSessionBuilder().setId(id(given.getSession().getId()));
    Session asked = session.build();
    Open key =
        given.toBuilder().setSession(Session.newBuilder().setId(asked.getId()).build()).build();
    stub.asking(asked, sent.computeIfAbsent(key, _ -> new ConcurrentHashMap<>()));
    return open.build();
  }

  private ByteString id(ByteString given) throws CaseFailure {
    String text = given.toStringUtf8();
    String expanded = variables.expand(text);
    return text.equals(expanded)
        ? given
        : ByteString.copyFrom(Hashing.sha256().hashString(expanded, UTF_8).asBytes(), 0, ID_BYTES);
  }

  /** Checks what is said of the session, and has the stub go on there. */
  static void opened(ExpectedOpened expected, Opened opened, ConnectCall stub) throws CaseFailure {
    if (expected.hasSessionCompletedThrough() != opened.hasSession()) {
      throw new CaseFailure(
          opened.hasSession()
              ? "opened has a session, expected none"
              : "opened has no session, expected one");
    }
    if (!opened.hasSession()) {
      return;
    }
    long completed = opened.getSession().getCompletedThrough();
    if (completed != expected.getSessionCompletedThrough()) {
      throw new CaseFailure(
          "opened.session.completed_through is %d, expected %d"
              .formatted(completed, expected.getSessionCompletedThrough()));
    }
    stub.goOnAt(Math.max(stub.nextSequence(), completed + 1));
  }
}
