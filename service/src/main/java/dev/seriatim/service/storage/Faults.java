package dev.seriatim.service.storage;

import java.sql.Connection;
import java.sql.SQLException;

/** Makes commits fail. For tests. */
@FunctionalInterface
public interface Faults {
  /** No faults. */
  Faults NONE = (step, connection) -> {};

  /**
   * Thrown {@link Step#AFTER_COMMIT}: as if the store had said nothing for longer than anyone
   * waits. Whoever waited for the group is told that nobody knows what became of it; it is durable
   * then.
   */
  final class Unanswered extends SQLException {
    private static final long serialVersionUID = 1;

    /** An answer that never came. */
    public Unanswered() {
      super("the answer to a commit never came");
    }
  }

  /** Where in the commit of a group. */
  enum Step {
    /** Before the transaction begins. */
    BEFORE_BEGIN,
    /** The slots are locked and checked; nothing is written. */
    AFTER_FENCE,
    /** Everything is written, but not committed. */
    AFTER_WRITES,
    /** The database was told to commit; a failure here stands for an answer that never came. */
    AFTER_COMMIT,
    /** The group is known to be durable; nobody has been told. */
    BEFORE_NOTIFY,
  }

  /**
   * The committer has come to this step of a group, on this connection. Called by the committer's
   * thread, which goes on when this method returns.
   *
   * @throws SQLException to make the step fail
   */
  void at(Step step, Connection connection) throws SQLException;
}
