package dev.seriatim.stub;

import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DescribeNamespaceResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import io.grpc.CallOptions;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A class of durable objects, such as {@code COUNTER}: gives stubs on its objects, and their ids.
 *
 * <p>Getting a stub never talks to the host. The ids need the namespace's unique key, unless it was
 * given to {@link DurableObjects#namespace(String, String)}: the first method that needs it asks
 * the host for it, and blocks for up to {@link ClientOptions#describeTimeout()}; it is then known
 * for good. If the asking fails, that method throws {@code StatusRuntimeException}, and the next
 * one asks again.
 *
 * <p>Safe for any number of threads.
 */
public final class DurableObjectNamespace {
  private final Carriers carriers;
  private final ClientOptions options;
  private final Object client;
  private final String name;
  private final ReentrantLock fetching = new ReentrantLock();
  private volatile @Nullable DurableObjectIds ids;

  // Of a scope: the namespace that knows the ids, and the stubs that are closed together.
  private final @Nullable DurableObjectNamespace whole;
  private final @Nullable OpenStubs stubs;

  private final @Nullable ResumeOptions resume; // Of resumable stubs.

  DurableObjectNamespace(
      Carriers carriers,
      ClientOptions options,
      Object client,
      String name,
      @Nullable DurableObjectIds ids) {
    if (name.isEmpty()) {
      throw new IllegalArgumentException("namespace is empty, expected a name");
    }
    this.carriers = carriers;
    this.options = options;
    this.client = client;
    this.name = name;
    this.ids = ids;
    this.whole = null;
    this.stubs = null;
    this.resume = null;
  }

  private DurableObjectNamespace(
      DurableObjectNamespace whole,
      @Nullable OpenStubs stubs,
      Carriers carriers,
      ClientOptions options,
      @Nullable ResumeOptions resume) {
    this.carriers = carriers;
    this.options = options;
    this.client = whole.client;
    this.name = whole.name;
    this.whole = whole;
    this.stubs = stubs;
    this.resume = resume;
  }

  /** The same namespace, whose stubs are among these. */
  DurableObjectNamespace in(OpenStubs scope, Carriers carriedBy, ClientOptions with) {
    return new DurableObjectNamespace(this, scope, carriedBy, with, resume);
  }

  /** The same namespace, whose stubs are resumable, with the default options. */
  public DurableObjectNamespace resumable() {
    return resumable(ResumeOptions.defaults());
  }

  /**
   * The same namespace, whose stubs are <i>resumable</i>, where the host takes part: they outlive
   * their connections. When one is lost, when the host drains or restarts, or when the object moves
   * or is reset, such a stub connects again by itself and goes on where it was. No call that wrote
   * is executed twice, and none is {@link Fate#UNKNOWN} unless the stub gives up. Nobody notices
   * but by time: calls that are made meanwhile wait, in order, as long as there is room for them.
   *
   * <p>What a call does outside of its object without writing to it may happen twice, if the object
   * is lost from memory before its outcome has been received. {@link
   * DurableObjectStub#IDEMPOTENCY_KEY} prevents that.
   *
   * <p>Keepalive decides how soon a silent loss is noticed: see {@link
   * ClientOptions#keepAliveTime()}, which is worth shortening for resumable stubs. A host that
   * doesn't know of sessions gives a stub like any other: see {@link
   * DurableObjectStub#isResumable()}.
   */
  public DurableObjectNamespace resumable(ResumeOptions resumeOptions) {
    return new DurableObjectNamespace(this, stubs, carriers, options, resumeOptions);
  }

  /** The name of the namespace. */
  public String name() {
    return name;
  }

  /**
   * A new stub on the object with this name. Doesn't block, and doesn't need the unique key.
   *
   * @throws InvalidIdException if the name isn't 1 to 1,024 bytes of UTF-8
   */
  public DurableObjectStub getByName(String objectName) {
    DurableObjectIds.checkName(objectName);
    DurableObjectId known = null;
    if (carriers.routes() != null) {
      DurableObjectIds own = knownIds();
      known = own == null ? null : own.fromName(objectName);
    }
    return opened(DurableObjectStub.named(this, objectName, known, carriers, options, resume));
  }

  /**
   * A new stub on the object with this id. Doesn't block.
   *
   * <p>An id is good for the namespace that made it, and for one with the same unique key. If it
   * knows its name, the object is opened by that, and so learns it. An id whose key can't be
   * compared with this namespace's, since it was made by another client and this one has not had to
   * ask for the key yet, is opened by its digits alone; the host then checks it.
   *
   * @throws InvalidIdException if it is certainly the id of another namespace
   */
  public DurableObjectStub get(DurableObjectId id) {
    DurableObjectIds own = knownIds();
    DurableObjectIds maker = id.maker();
    boolean isOwn = own != null && own.isSameAs(maker);
    if (!isOwn && (own != null || maker.isNeighbourOf(name, client))) {
      throw new InvalidIdException(
          "id '" + id + "' is of " + maker.owner() + ", expected one of namespace '" + name + "'");
    }
    return opened(DurableObjectStub.withId(this, id, isOwn, carriers, options, resume));
  }

  private DurableObjectStub opened(DurableObjectStub stub) {
    if (stubs != null) {
      stubs.add(stub.session());
    }
    return stub;
  }

  /**
   * The id of the object with this name; the same for ever. May block, as said above.
   *
   * @throws InvalidIdException if the name isn't 1 to 1,024 bytes of UTF-8
   */
  public DurableObjectId idFromName(String objectName) {
    DurableObjectIds.checkName(objectName);
    return ids().fromName(objectName);
  }

  /**
   * The id that these 64 digits show. May block, as said above.
   *
   * @throws InvalidIdException if it isn't 64 lower-case hex digits, or is the id of another
   *     namespace
   */
  public DurableObjectId idFromString(String hex) {
    return ids().fromString(hex);
  }

  /** A new id that no one else has. May block, as said above. */
  public DurableObjectId newUniqueId() {
    return ids().newUniqueId();
  }

  @Override
  public String toString() {
    return "DurableObjectNamespace[" + name + "]";
  }

  private @Nullable DurableObjectIds knownIds() {
    return whole == null ? ids : whole.knownIds();
  }

  private DurableObjectIds ids() {
    if (whole != null) {
      return whole.ids();
    }
    DurableObjectIds known = ids;
    if (known != null) {
      return known;
    }
    fetching.lock();
    try {
      known = ids;
      if (known == null) {
        known = fetch();
        ids = known;
      }
      return known;
    } finally {
      fetching.unlock();
    }
  }

  private DurableObjectIds fetch() {
    DescribeNamespaceResponse description;
    try {
      description =
          ClientCalls.blockingUnaryCall(
              carriers.channel(),
              DurableObjectsGrpc.getDescribeNamespaceMethod(),
              CallOptions.DEFAULT.withDeadlineAfter(
                  options.describeTimeout().toNanos(), TimeUnit.NANOSECONDS),
              DescribeNamespaceRequest.newBuilder().setName(name).build());
    } catch (StatusRuntimeException e) {
      throw e.getStatus()
          .withDescription(
              "can't ask the host for namespace '" + name + "': " + RootCause.of(e.getStatus()))
          .withCause(e)
          .asRuntimeException(e.getTrailers());
    }
    if (!description.getName().equals(name) || description.getUniqueKey().isEmpty()) {
      throw Status.INTERNAL
          .withDescription(
              "the host described namespace '"
                  + description.getName()
                  + "' with unique key '"
                  + description.getUniqueKey()
                  + "', expected namespace '"
                  + name
                  + "' and a key")
          .asRuntimeException();
    }
    return new DurableObjectIds(description.getUniqueKey(), name, client);
  }
}
