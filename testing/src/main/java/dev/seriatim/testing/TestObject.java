package dev.seriatim.testing;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.ListOptions;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.object.ObjectControl;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.Reasons;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * One object of a host under test, in the hands of the test.
 *
 * <p>What reads and writes its storage is a turn of it: it waits behind the turn that runs, is
 * atomic, and has become durable when the method returns. It needs no instance and makes none; if
 * it writes, the instance that there is goes, as its memory must not disagree with what is stored.
 * Stubs stay open and notice nothing.
 *
 * <p>Safe for any number of threads. What fails at the host throws a {@code
 * StatusRuntimeException}, as a call of the object would.
 */
public final class TestObject {
  /** What a test does as a turn. */
  @FunctionalInterface
  public interface Code {
    /** Runs once. If it throws, the turn has no effect. */
    void run(DurableObjectState state) throws Exception;
  }

  /** What a test does as a turn, and what comes of it. */
  @FunctionalInterface
  public interface Question<T extends @Nullable Object> {
    /** Runs once. If it throws, the turn has no effect. */
    T ask(DurableObjectState state) throws Exception;
  }

  private final TestSeriatim host;
  private final ObjectAddress address;
  private final String name;

  TestObject(TestSeriatim host, ObjectAddress address) {
    this.host = host;
    this.address = address;
    this.name = address.namespace().name() + "/" + address.id().name().orElse("");
  }

  /** Its id. */
  public DurableObjectId id() {
    return address.id();
  }

  // ---- its instance

  /** Whether it has an instance in memory. */
  public boolean isLive() {
    return control().isLive(address.id());
  }

  /**
   * Lets go of its instance behind the turn that it is in, when all that this wrote is durable.
   * Stubs stay open, and the next call gets a new instance.
   *
   * @return whether there was one
   */
  public boolean evict() {
    return await(control().evict(address), "the eviction of " + name);
  }

  /**
   * Discards its instance at once, and breaks its stubs with {@code OBJECT_RESET}. The turn that it
   * is in is cut off, and has no effect.
   *
   * @param why what the stubs are told
   * @return whether it was live
   */
  public boolean abort(String why) {
    return control().reset(address.id(), why);
  }

  /**
   * Breaks the stub of the next call of the object, in its place and before its method runs: for a
   * test of what a client does then.
   *
   * @param reason one of {@link Reasons} that a host gives, such as {@link Reasons#OBJECT_RESET}
   */
  public void breakNextCall(String reason) {
    host.breaks().breakNext(address.id(), reason);
  }

  // ---- its alarm

  /** When its alarm is due; empty if there is none, or it was given up. */
  public Optional<Instant> alarm() {
    return ask(state -> state.storage().getAlarm());
  }

  /**
   * Runs its alarm now, whenever it is due. When this returns, what it wrote is durable.
   *
   * @return whether there was one
   * @throws io.grpc.StatusRuntimeException if it failed; it is tried again as ever
   */
  public boolean runAlarm() {
    return await(control().runAlarm(address), "the alarm of " + name);
  }

  // ---- its storage

  /** The entries whose keys begin so, by key, as bytes. */
  public Map<String, ByteString> entries(String prefix) {
    return ask(state -> state.storage().list(ListOptions.all().prefix(prefix)));
  }

  /** The entries whose keys begin so, by key. */
  public <M extends MessageLite> Map<String, M> entries(String prefix, Parser<M> parser) {
    return ask(state -> state.storage().list(ListOptions.all().prefix(prefix), parser));
  }

  /** The value of this key, or this one if it has none. */
  public <M extends MessageLite> M get(String key, M defaultMessage) {
    return ask(state -> state.storage().get(key, defaultMessage));
  }

  /** Stores this. */
  public void put(String key, MessageLite value) {
    await(control().runTurn(address, state -> put(state, key, value)), "a turn of " + name);
  }

  private static boolean put(DurableObjectState state, String key, MessageLite value) {
    state.storage().put(key, value);
    return true;
  }

  /**
   * Deletes this key.
   *
   * @return whether it was there
   */
  public boolean delete(String key) {
    return ask(state -> state.storage().delete(key));
  }

  // ---- the test's own code

  /**
   * Runs the test's own code as a turn of the object, with its storage.
   *
   * @throws Exception whatever the code throws
   */
  public void run(Code code) throws Exception {
    Waiting.on(
        control()
            .runTurn(
                address,
                state -> {
                  code.run(state);
                  return true;
                }),
        "a turn of " + name);
  }

  /**
   * The same, and gives back what comes of it.
   *
   * @throws Exception whatever the code throws
   */
  public <T extends @Nullable Object> T call(Question<T> question) throws Exception {
    return Waiting.on(control().runTurn(address, question::ask), "a turn of " + name);
  }

  private <T> T ask(Question<T> question) {
    return await(control().runTurn(address, question::ask), "a turn of " + name);
  }

  private ObjectControl control() {
    return host.host().control();
  }

  private static <T> T await(Future<T> future, String what) {
    try {
      return Waiting.on(future, what);
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(what + " failed", e);
    }
  }

  /** The namespace and the name. */
  @Override
  public String toString() {
    return name;
  }
}
