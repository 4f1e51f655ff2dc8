package dev.seriatim.service.session;

import dev.seriatim.v1.Open;
import dev.seriatim.wire.Invocation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One frame from a client: as it came, and read when somebody asks what it says. For one thread at
 * a time.
 */
public interface StubFrame {
  /** The frame itself, which nobody changes; without a byte if it is {@link #refused}. */
  byte[] bytes();

  /** How long it is, or was. */
  int size();

  /** Why nothing of it was kept, or null. */
  @Nullable BreakCause refused();

  /** The object, or null if it names none. Reads it. */
  @Nullable Open open();

  /** Its invocations, as far as it can be read. Reads it. */
  List<Invocation> invocations();

  /** Through which number outcomes have been received, unsigned; 0 if it says nothing. Reads it. */
  long acknowledgedThrough();

  /** Why the stub breaks behind these invocations, or null. Reads it. */
  @Nullable BreakCause fault();
}
