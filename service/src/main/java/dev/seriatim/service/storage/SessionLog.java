package dev.seriatim.service.storage;

import dev.seriatim.service.StorageException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one object has stored of its sessions and idempotency keys, and is about to: a row of each.
 * Comes from {@link ObjectLog#sessions}. Used by the turn thread, with or without an instance.
 */
public sealed interface SessionLog permits MemorySessionLog, StoredSessionLog {
  /**
   * How many rows of sessions and of keys the store has of this object, of what is durable. Blocks
   * on the store.
   *
   * @throws StorageException as {@link ObjectLog#newStorage}, or because the store failed
   */
  SessionCounts counts();

  /**
   * Names the object's idempotency keys, those that are durable and those that were submitted; more
   * than this many aren't looked for. Blocks on the store.
   *
   * @throws StorageException as {@link ObjectLog#newStorage}, or because the store failed
   */
  List<SessionId> keys(int most);

  /**
   * What is known of this session, or key: what was submitted last, though it may not be durable
   * yet, else what the store has; null if that is nothing, or has expired. Blocks on the store. Who
   * tells anyone of it calls {@link #gate()} first, and waits for the commit.
   *
   * @throws StorageException as {@link ObjectLog#newStorage}, or because the store failed
   */
  @Nullable SessionRow read(SessionId session);

  /**
   * The number of the commit that whoever tells of what was {@link #read} here has to wait for; 0
   * if there is none. Begins one if the host isn't certain that it owns the object.
   *
   * @throws StorageException as {@link ObjectLog#newStorage}; or because commits were lost since
   *     the first read after the last call of this method, so that what was read may not be so
   */
  long gate();

  /**
   * Has this become durable in a commit of its own, whose number it gives. Doesn't block.
   *
   * @throws StorageException as {@link ObjectLog#newStorage}
   */
  long submit(SessionWrite write);
}
