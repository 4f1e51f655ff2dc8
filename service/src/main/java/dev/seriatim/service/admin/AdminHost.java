package dev.seriatim.service.admin;

import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.placement.Neighbours;
import dev.seriatim.service.storage.StorageEngine;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * What the admin service uses of its host. Each part is safe for any number of threads.
 *
 * @param directory the objects that are live, and what there can be
 * @param storage what is stored
 * @param neighbours the other hosts of its cluster; null if it is alone
 * @param threads starts a thread for each task, which may be held up
 * @param version of the program
 * @param commit that it was built from; empty if that isn't known
 * @param drain shuts the host down in good order; blocks until that is done
 */
public record AdminHost(
    ObjectDirectory directory,
    StorageEngine storage,
    @Nullable Neighbours neighbours,
    Executor threads,
    String version,
    String commit,
    Shutdown drain) {
  /** Shuts the host down. */
  @FunctionalInterface
  public interface Shutdown {
    /** Blocks until that is done. */
    void run() throws InterruptedException;
  }
}
