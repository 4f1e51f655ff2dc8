package dev.seriatim.service.placement;

import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.SessionInput;
import dev.seriatim.service.session.SessionOpen;
import org.jspecify.annotations.Nullable;

/** The placement of a host that is alone: every object is here. */
public final class Here implements Placement {
  private final ObjectDirectory directory;
  private final boolean local;

  private Here(ObjectDirectory directory, boolean local) {
    this.directory = directory;
    this.local = local;
  }

  /** For stubs of the host's clients. None is opened any more while the host shuts down. */
  public static Here forClients(ObjectDirectory directory) {
    return new Here(directory, /* local= */ false);
  }

  /**
   * For stubs that objects of the host open. They are opened until the end: their calls belong to
   * turns that are to end well.
   */
  public static Here forObjects(ObjectDirectory directory) {
    return new Here(directory, /* local= */ true);
  }

  @Override
  public @Nullable BreakCause refusal() {
    return !local && directory.isDraining() ? ObjectDirectory.drainCause() : null;
  }

  @Override
  public SessionInput open(
      ObjectAddress address, Attachment attachment, @Nullable SessionOpen session) {
    return directory.open(address, attachment, local, session);
  }

  @Override
  public boolean beginRound() {
    return directory.beginRound();
  }

  @Override
  public void endRound() {
    directory.endRound();
  }
}
