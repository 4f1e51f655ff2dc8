package dev.seriatim.service.object;

import dev.seriatim.service.AlarmHandler;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.caller.StubCaller;
import dev.seriatim.service.dispatch.MethodCall;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.dispatch.ObjectService;
import dev.seriatim.service.storage.TurnStorage;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjects;
import io.grpc.BindableService;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An object's live value in memory, and what it may know of itself.
 *
 * <p>Made, started and run on the object's turn thread; discarded once, by whoever has the object
 * at the time. What the object's code sees of it is {@link DurableObjectState}, from any thread.
 */
final class Instance implements DurableObjectState {
  private final LiveObject object;
  private final TurnStorage storage;
  private final ObjectCode code;
  private final CallChain firstCall = CallChain.untilFirstCall(this);
  private final Context.CancellableContext context;
  private final Instant since;

  // The turn thread's own.
  private @Nullable BindableService own;
  private @Nullable ObjectService service;

  /** Where the evictor has it in its list, under whose lock it is. */
  private int place;

  private volatile boolean aborted;

  /** Written holding this. */
  private boolean discarded;

  /** Whether the object calls others: then each of its turns has a chain of its own. */
  private volatile boolean callsOthers;

  /** Its own way to other objects, with the stubs that it opens. Written holding this. */
  private volatile @Nullable DurableObjects others;

  Instance(LiveObject object, TurnStorage storage, ObjectCode code) {
    this.object = object;
    this.storage = storage;
    this.code = code;
    this.context = firstCall.in(Context.ROOT).withCancellation();
    this.since = object.host().storage().options().clock().instant();
  }

  LiveObject object() {
    return object;
  }

  /** Since when it is there. */
  Instant since() {
    return since;
  }

  /** What it runs. */
  ObjectCode code() {
    return code;
  }

  /** Called by the evictor, as {@link #setPlace}. */
  int place() {
    return place;
  }

  void setPlace(int now) {
    place = now;
  }

  /** Makes the object's own value. To be called once, as part of a turn. */
  void start() throws Exception {
    BindableService made = code.factory().create(this);
    service = ObjectService.bind(made, code.methods(), object.namespace().interceptors());
    own = made;
  }

  boolean isStarted() {
    return service != null;
  }

  MethodCall<?, ?> call(
      ObjectMethod method, Object argument, Metadata metadata, InvocationTurn turn, boolean json) {
    if (service == null) {
      throw new IllegalStateException("the instance was not started");
    }
    return service.call(method, argument, metadata, json, turn);
  }

  /** What runs the object's alarms, or null if nothing does. */
  @Nullable AlarmHandler alarmHandler() {
    return own instanceof AlarmHandler handler ? handler : null;
  }

  /** The context in which this instance's turns run; cancelled when the instance is discarded. */
  Context.CancellableContext context() {
    return context;
  }

  /**
   * The chain of a turn that begins; null if it needs none of its own.
   *
   * @param calledBy who waits for the turn, or null
   */
  @Nullable CallChain beginChain(@Nullable WaitingChain calledBy) {
    return calledBy != null || callsOthers ? CallChain.ofTurn(this, calledBy) : null;
  }

  /** A turn has ended. */
  void turnEnded() {
    if (callsOthers) {
      firstCall.end();
    }
  }

  void discard(String why) {
    storage.discard();
    // Who listens to a context is the object's code, which may block the thread that discards: one
    // of the host's, or one that has the object in its hands.
    object
        .host()
        .threads()
        .execute(
            () -> {
              try {
                closeOthers();
              } finally {
                context.cancel(Status.ABORTED.withDescription(why).asRuntimeException());
              }
            });
  }

  /** Whether the object has aborted this instance itself. */
  boolean isAborted() {
    return aborted;
  }

  /** Whether the instance must not be given another turn. */
  boolean isSpent() {
    return aborted || storage.refusal() != null;
  }

  @Override
  public TurnStorage storage() {
    return storage;
  }

  @Override
  public DurableObjectId id() {
    return object.id();
  }

  @Override
  public Optional<String> name() {
    return Optional.ofNullable(storage.readName());
  }

  @Override
  public InstantSource clock() {
    return object.host().storage().options().clock();
  }

  @Override
  public DurableObjects objects() {
    if (!callsOthers) {
      object.firstCall(this);
    }
    DurableObjects made = others;
    return made == null ? makeOthers() : made;
  }

  private synchronized DurableObjects makeOthers() {
    DurableObjects made = others;
    if (made == null) {
      made =
          object
              .host()
              .localObjects()
              .get()
              .scope(ClientOptions.builder().invocationMetadata(this::leave).build());
      if (discarded) {
        made.close();
      }
      others = made;
    }
    return made;
  }

  /**
   * A call leaves the object, in a turn or outside, also from a thread that knows of no turn.
   * Blocks as {@link CallChain#leave} does.
   */
  private Map<String, String> leave() {
    storage.awaitCommits();
    CallChain chain = CallChain.current();
    String waiting = chain == null ? null : chain.leave();
    // Those of a trace first, so that nothing that they say can stand in place of what follows.
    Map<String, String> metadata = new HashMap<>(TurnTrace.outgoing(object));
    if (waiting != null) {
      metadata.put(CallChain.METADATA_KEY, waiting);
    }
    StubCaller.tell(metadata, object.toString(), CALLER.get());
    return metadata;
  }

  /** Closes the stubs that the instance has opened, and those that it may still open. */
  private void closeOthers() {
    DurableObjects open;
    synchronized (this) {
      discarded = true;
      open = others;
    }
    if (open != null) {
      open.close();
    }
  }

  /**
   * The object calls others from now on.
   *
   * @param running the turn that does so, or null if it does it outside of one
   */
  void callsOthers(@Nullable Turn running) {
    callsOthers = true;
    if (running != null) {
      firstCall.begin();
      if (!running.isRunning()) {
        firstCall.end(); // Whoever has ended it may not have seen that there was a chain.
      }
    }
  }

  /** It must not be given another turn. */
  void spend() {
    aborted = true;
  }

  @Override
  public void abort(String reason) {
    if (!aborted) {
      aborted = true;
      object.cutOff().aborted(this, reason);
    }
  }
}
