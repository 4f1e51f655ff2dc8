package dev.seriatim.service.storage;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Batches that are committed together, from when they are taken until each of their objects has
 * been told what became of it; and how far that has got. So whatever is thrown meanwhile, it can be
 * gone on with. The committer's.
 */
final class CommitGroup {
  /** Those that are in it still. */
  final List<Batch> batches;

  /** The number of the last try. */
  long number;

  /** Whether the last try was committed, or may be. */
  boolean sent;

  /** Whether what was committed is where a later host will find it. */
  boolean inPlace = true;

  /** When the last try began. */
  long began;

  /** Whether a try has found the store away, and another one was waited for. */
  boolean waited;

  /** Whether the objects have been told that nobody knows. */
  boolean doubted;

  /** What was thrown where nothing should have been; null if nothing was. */
  @Nullable Throwable thrown;

  /** Why the last try failed; null if none did. */
  @Nullable Throwable failure;

  CommitGroup(int capacity) {
    batches = new ArrayList<>(capacity);
  }

  boolean isEmpty() {
    return batches.isEmpty();
  }

  int size() {
    return batches.size();
  }

  /** Each has been told. */
  void clear() {
    batches.clear();
  }

  /** Gives its second half to this one, which has room for it. Needs no memory. */
  void giveHalf(CommitGroup other) {
    int half = size() / 2;
    while (size() > half) {
      other.batches.add(batches.removeLast());
    }
  }
}
