package dev.seriatim.service.placement;

import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.NoSession;
import dev.seriatim.service.session.SessionInput;
import dev.seriatim.service.session.SessionOpen;
import dev.seriatim.service.storage.Slots;
import org.jspecify.annotations.Nullable;

/** The placement for stubs that other hosts pass on: opens them if their object is here. */
public final class Peers implements Placement {
  /** With what a lane ends whose object isn't here. Nothing was run. */
  private static final Status NOT_OWNER =
      Status.newBuilder()
          .setCode(Code.FAILED_PRECONDITION_VALUE)
          .setMessage("the object is not at this host")
          .build();

  private final ObjectDirectory directory;
  private final Slots slots;

  /** For stubs on the objects of this directory. */
  public Peers(ObjectDirectory directory, Slots slots) {
    this.directory = directory;
    this.slots = slots;
  }

  /** Whether a lane has ended since its object isn't at the host that it came to. */
  public static boolean isNotOwner(Status end) {
    return end.getCode() == NOT_OWNER.getCode() && end.getMessage().equals(NOT_OWNER.getMessage());
  }

  /** Stubs of others go on elsewhere. */
  @Override
  public @Nullable BreakCause refusal() {
    return null;
  }

  /** The edge that passes it on serves it, so others may: it is to look for one, and to wait. */
  @Override
  public Status unserved() {
    return NOT_OWNER;
  }

  @Override
  public SessionInput open(
      ObjectAddress address, Attachment attachment, @Nullable SessionOpen session) {
    if (!slots.has(Slots.of(address.id()))) {
      attachment.close(NOT_OWNER);
      return NoSession.INSTANCE;
    }
    return directory.open(address, attachment, attachment.isFromObject(), session);
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
