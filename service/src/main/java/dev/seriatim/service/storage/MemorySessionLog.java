package dev.seriatim.service.storage;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The rows of sessions and keys of one object in a host that keeps nothing. */
record MemorySessionLog(MemorySessions all, ObjectKey key) implements SessionLog {
  @Override
  public SessionCounts counts() {
    return all.count(key);
  }

  @Override
  public List<SessionId> keys(int most) {
    return all.keys(key, most);
  }

  @Override
  public @Nullable SessionRow read(SessionId session) {
    return all.read(key, session);
  }

  @Override
  public long gate() {
    return 0;
  }

  @Override
  public long submit(SessionWrite write) {
    all.write(key, write.session(), write.row());
    return 0;
  }
}
