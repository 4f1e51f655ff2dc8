package dev.seriatim.service.session;

import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.Invocation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What opens a connection of a session, and what is told when it is open.
 *
 * @param session names the session
 * @param connection the number of the connection
 * @param answeredThrough up to where the client has received outcomes, on earlier connections
 * @param unansweredNanos for how long the client's oldest unanswered invocation has been on its
 *     way; null if there is none
 * @param opened what is to be told, but for where the session stands
 */
public record SessionOpen(
    ByteString session,
    long connection,
    long answeredThrough,
    @Nullable Long unansweredNanos,
    Opened opened) {
  private static final int ID_BYTES = 16;

  /**
   * What a frame's {@code open} says, which has a session.
   *
   * @throws BreakException if that is wrong
   */
  public static SessionOpen of(Open open, Opened opened) throws BreakException {
    dev.seriatim.v1.Session session = open.getSession();
    require(
        session.getId().size() == ID_BYTES,
        "a session id of %d bytes, expected %d".formatted(session.getId().size(), ID_BYTES));
    require(session.getConnection() != 0, "connection 0 of a session, expected 1 or more");
    require(!open.getUnique(), "a session together with unique, expected a name or an id");
    long connection = Integer.toUnsignedLong(session.getConnection());
    require(
        connection != 1 || session.getAnsweredThrough() == 0,
        "answered_through %s on connection 1, expected 0"
            .formatted(Long.toUnsignedString(session.getAnsweredThrough())));
    return new SessionOpen(
        session.getId(), connection, session.getAnsweredThrough(), unanswered(session), opened);
  }

  /** The same, under another name. */
  public SessionOpen named(ByteString id) {
    return new SessionOpen(id, connection, answeredThrough, unansweredNanos, opened);
  }

  private static @Nullable Long unanswered(dev.seriatim.v1.Session session) throws BreakException {
    if (!session.hasUnansweredFor()) {
      return null;
    }
    require(
        Durations.isValid(session.getUnansweredFor()),
        "unanswered_for is no valid Duration, expected one");
    try {
      return Durations.toNanos(session.getUnansweredFor());
    } catch (ArithmeticException e) {
      return session.getUnansweredFor().getSeconds() < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
  }

  private static void require(boolean holds, String otherwise) throws BreakException {
    if (!holds) {
      throw new BreakException(BreakCause.of(BreakReason.PROTOCOL_VIOLATION, otherwise));
    }
  }

  /** Whether invocations may come before the client has been told that the stub is open. */
  boolean isFirst() {
    return connection == 1;
  }

  /**
   * What is wrong with invocations which were sent before the client was told that this connection
   * of a session is open; null if nothing is, or there are none.
   */
  public static @Nullable BreakCause early(long connection, List<Invocation> invocations) {
    if (connection == 1 || invocations.isEmpty()) {
      return null;
    }
    long sequence = invocations.getFirst().sequence();
    return BreakCause.of(
            BreakReason.PROTOCOL_VIOLATION,
            "invocation %s on connection %s of a session, expected none before it is opened"
                .formatted(Long.toUnsignedString(sequence), connection))
        .blaming(sequence);
  }
}
