package dev.seriatim.stub;

import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.wire.ObjectPath;
import dev.seriatim.wire.ResponseFrame;
import org.jspecify.annotations.Nullable;

/**
 * What a stub opens, and what the host must say to it.
 *
 * @param expectedId the id that the object must have, if it is known
 */
record Opening(Open open, @Nullable String expectedId) {
  /** The namespace, and the name or the id. */
  @Override
  public String toString() {
    return open.hasName()
        ? ObjectPath.byName(open.getNamespace(), open.getName())
        : ObjectPath.byId(open.getNamespace(), open.getId());
  }

  /** Checks the host's first frame. */
  void check(ResponseFrame first) throws HostViolationException {
    Opened opened = first.opened();
    if (opened == null) {
      if (first.broken() != null && first.outcomes() == 0) {
        return; // The stub could not be opened.
      }
      throw new HostViolationException("the first frame has no 'opened'");
    }
    if (expectedId != null && !opened.getId().equals(expectedId)) {
      throw new HostViolationException(
          "opened object '" + opened.getId() + "', expected '" + expectedId + "'");
    }
    if (!DurableObjectIds.isHex(opened.getId())) {
      throw new HostViolationException(
          "opened object '" + opened.getId() + "', expected 64 lower-case hex digits");
    }
    if (opened.hasName() && !opened.getName().equals(open.getName())) {
      throw new HostViolationException(
          "opened name '" + opened.getName() + "', expected '" + open.getName() + "'");
    }
  }
}
