package dev.seriatim.service.connect;

import com.google.protobuf.ByteString;
import com.google.rpc.Status;
import dev.seriatim.service.caller.Admission;
import dev.seriatim.service.caller.Authorization;
import dev.seriatim.service.caller.CallerScope;
import dev.seriatim.service.caller.Identity;
import dev.seriatim.service.caller.Refusal;
import dev.seriatim.service.caller.RefusedException;
import dev.seriatim.service.caller.StubCaller;
import dev.seriatim.service.object.Namespace;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.placement.Placement;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.NoSession;
import dev.seriatim.service.session.SessionInput;
import dev.seriatim.service.session.SessionOpen;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.Route;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What all attachments do that carry frames: the first one opens the session, which is then given
 * what comes. Events come one at a time, from threads that see what the one before has done. Until
 * the session is there, it is that thread which sends; from then on it is the session.
 */
abstract class StubReader implements Attachment, Admission.Stays {
  /** How many ids are drawn for a new object, until one is here. */
  private static final int DRAWS = 1_000;

  /** Written by those threads, and read by those that say when there is room. */
  private volatile @Nullable SessionInput session;

  /** Lets its caller in; null if the host asks for none. */
  private final @Nullable Admission admission;

  /**
   * A stub that isn't open yet.
   *
   * @param authorization lets callers in; null if the host asks for none
   * @param identity who calls
   */
  @SuppressWarnings("this-escape") // Nothing happens to it before there is a session.
  StubReader(@Nullable Authorization authorization, Identity identity) {
    admission = authorization == null ? null : authorization.admit(identity, this);
  }

  /** Where objects are found, and which there are. */
  abstract ConnectService service();

  final boolean isOpen() {
    return session != null;
  }

  /** Ends the stub before there is a session. */
  final void refuse(BreakCause cause) {
    refuse(/* namespace= */ null, cause);
  }

  /** The same, in the status of its call alone: that needs no room at the client's end. */
  final void refuseBriefly(BreakCause cause) {
    service().refused(/* namespace= */ null, cause);
    session = NoSession.INSTANCE;
    close(cause.toStatusProto());
  }

  private void refuse(@Nullable Namespace namespace, BreakCause cause) {
    service().refused(namespace, cause);
    session = NoSession.INSTANCE;
    send(List.of(), cause.toBroken(/* completedThrough= */ 0));
    close(cause.toEnd());
  }

  final void take(Frame frame) {
    SessionInput input = session;
    if (input != null) {
      input.add(frame);
      return;
    }
    input = open(frame);
    if (input == null) {
      return;
    }
    session = input;
    Refusal over = admission == null ? null : admission.over();
    if (over != null) {
      over(over); // Whoever said so may not have seen the session.
    }
    BreakCause early = early(frame);
    if (early == null) {
      input.addFirst(frame);
    } else {
      input.fail(early); // However soon the record is found: the client hasn't waited for it.
    }
  }

  /** What is wrong with what stands beside `open`, if that resumes a session. */
  private static @Nullable BreakCause early(Frame frame) {
    Open object = frame.open();
    return object != null && object.hasSession()
        ? SessionOpen.early(
            Integer.toUnsignedLong(object.getSession().getConnection()), frame.invocations())
        : null;
  }

  private @Nullable SessionInput open(Frame frame) {
    Open object = frame.open();
    Placement placement = service().placement();
    ObjectAddress address = null;
    try {
      BreakCause fault = frame.fault();
      if (admission != null) {
        admission.requireIn();
      }
      if (fault != null && object == null) {
        throw new BreakException(fault);
      }
      BreakCause refusal = placement.refusal();
      if (refusal != null) {
        throw new BreakException(refusal);
      }
      if (object == null) {
        throw new BreakException(
            BreakCause.of(
                BreakReason.PROTOCOL_VIOLATION, "the first frame has no open, expected one"));
      }
      address = service().namespaces().resolve(object);
      for (int i = 1; object.getUnique() && !placement.isNear(address.id()) && i < DRAWS; i++) {
        address = service().namespaces().resolve(object);
      }
      letIn(address);
      Opened.Builder opened = Opened.newBuilder().setIdBytes(bytes(address.id().toString()));
      address.id().name().ifPresent(name -> opened.setNameBytes(bytes(name)));
      Route route = placement.route(address.id());
      if (route != null) {
        opened.setRoute(route);
      }
      if (object.hasSession()) {
        return placement.open(address, this, session(object, opened.build()));
      }
      sendOpened(opened.build());
      return placement.open(address, this, /* session= */ null);
    } catch (BreakException e) {
      Status end =
          e.cause().reason() == BreakReason.UNKNOWN_NAMESPACE ? placement.unserved() : null;
      if (end != null) {
        session = NoSession.INSTANCE;
        close(end);
      } else {
        refuse(namespace(address), e.cause());
      }
      return null;
    } catch (RefusedException e) {
      refuse(namespace(address), BreakCause.of(e.refusal()));
      return null;
    }
  }

  /** Text as it goes over the wire: as a string it would be gone through once more for its size. */
  private static ByteString bytes(String text) {
    return ByteString.copyFromUtf8(text);
  }

  private static @Nullable Namespace namespace(@Nullable ObjectAddress address) {
    return address == null ? null : address.namespace();
  }

  /**
   * The object is about to be opened, by whoever calls.
   *
   * @throws RefusedException if he may not
   */
  void letIn(ObjectAddress address) throws RefusedException {
    if (admission != null) {
      admission.open(address.namespace().name(), address.id(), address.namespace().methods());
    }
  }

  /** The session that is meant: one that this caller has named so, and no other. */
  private SessionOpen session(Open object, Opened opened) throws BreakException {
    SessionOpen named = SessionOpen.of(object, opened);
    return admission == null
        ? named
        : named.named(CallerScope.session(admission.caller(), named.session()));
  }

  @Override
  public @Nullable StubCaller caller() {
    return admission == null ? null : admission.stubCaller();
  }

  @Override
  public final void over(Refusal why) {
    SessionInput input = session;
    if (input != null) {
      input.breakSoon(BreakCause.of(why));
    }
  }

  /** What carried it is over, and nobody waits for it any more. May be called again. */
  final void ended() {
    if (admission != null) {
      admission.close();
    }
  }

  final void fail(BreakCause cause) {
    SessionInput input = session;
    if (input != null) {
      input.fail(cause);
    } else {
      refuse(cause);
    }
  }

  /** The stub is to break after the turn that it is in. */
  final void breakSoon(BreakCause cause) {
    SessionInput input = session;
    if (input != null) {
      input.breakSoon(cause);
    } else {
      refuse(cause);
    }
  }

  final void halfClosed() {
    SessionInput input = session;
    if (input != null) {
      input.halfClose();
    } else {
      session = NoSession.INSTANCE;
      close(Status.getDefaultInstance());
    }
  }

  final void cancelled() {
    SessionInput input = session;
    if (input != null) {
      input.cancel();
    }
  }

  /** All that was sent has been delivered, or dropped. */
  final void delivered() {
    SessionInput input = session;
    if (input != null) {
      input.onDelivered();
    }
  }

  /** The client reads again. */
  final void ready() {
    SessionInput input = session;
    if (input != null) {
      input.onReady();
    }
  }
}
