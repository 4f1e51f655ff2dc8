package dev.seriatim.service.storage;

import java.sql.Connection;
import java.sql.SQLException;

/** Makes commits fail, reads hang, and memory short. For tests. */
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

  /** What memory is needed for, beside the steps of a group. */
  enum Need {
    /** An object says what its turn wrote, and half of that is said. */
    TO_SUBMIT,
    /** The committer takes what an object has submitted. */
    TO_TAKE,
    /** The committer finds out what follows from a failure. */
    TO_FAIL,
    /** An object is told what became of what it submitted. */
    TO_TELL,
  }

  /** Throws an error if there is to be no memory for this. */
  default void memory(Need need) {}

  /**
   * Something is about to be read from a SQLite file, for a turn, a session or the alarms. Called
   * by the thread that reads, which goes on when this method returns.
   *
   * @throws SQLException to make the read fail
   */
  default void read() throws SQLException {}

  /**
   * The committer has come to this step of a group, on this connection. Called by the committer's
   * thread, which goes on when this method returns.
   *
   * @throws SQLException to make the step fail
   */
  void at(Step step, Connection connection) throws SQLException;
}
