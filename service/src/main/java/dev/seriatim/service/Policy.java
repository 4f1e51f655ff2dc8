package dev.seriatim.service;

import static com.google.common.base.Preconditions.checkState;

import com.google.common.collect.ImmutableSortedMap;
import com.google.errorprone.annotations.CanIgnoreReturnValue;
import dev.seriatim.service.access.PolicyRules;
import dev.seriatim.service.access.WatchedFile;
import dev.seriatim.service.threads.Enduring;
import dev.seriatim.stub.DurableObjectId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who may do what, as a file says it. The file is JSON; what may be in it is said in {@code
 * seriatim/policy/v1/policy.proto}, and shown in {@code docs/callers.md}.
 *
 * <p>Rules only allow. A caller may do what at least one rule allows, and nothing else. Safe for
 * any number of threads.
 */
public final class Policy implements Authorizer, AutoCloseable {
  /** How often {@link #watch} looks, if there is no reason for another time. */
  public static final Duration DEFAULT_LOOK = Duration.ofSeconds(10);

  /** What a caller may ask of the host itself. */
  public enum AdminRight {
    /** To see what there is. */
    READ,
    /** To see what is stored. */
    DATA,
    /** To call any object, as an operator. */
    CALL,
    /** To change what is stored. */
    EDIT,
    /** To evict, drain and back up. */
    CONTROL
  }

  /** What the host has, once it has told. What reads the file needs it. */
  private static final class Served {
    private volatile @Nullable ImmutableSortedMap<String, ServedNamespace> namespaces;

    PolicyRules parse(String text) {
      return PolicyRules.parse(text, namespaces);
    }
  }

  private static final Logger logger = LoggerFactory.getLogger(Policy.class);

  private final Served served = new Served();
  private final WatchedFile<PolicyRules> file;
  private final CopyOnWriteArrayList<Runnable> listeners = new CopyOnWriteArrayList<>();

  /** Looks at the file; null if nobody does. Set before anyone else has this policy. */
  private @Nullable Thread watcher;

  private Policy(Path file) {
    this.file = new WatchedFile<>("policy", file, served::parse);
  }

  /**
   * The policy that the file has now. It stays, unless it is told to {@link #reload}.
   *
   * @throws IllegalArgumentException if the file can't be read, or is no policy: the message says
   *     which file, which line, and what was expected
   */
  public static Policy read(Path file) {
    return new Policy(file);
  }

  /**
   * The policy that the file has, whatever that is at the time: it is looked at again and again, by
   * a thread that ends when the policy is {@link #close closed}. Once it is bad, what it said
   * before stays in force, and that is logged.
   *
   * @param every how often to look; {@link #DEFAULT_LOOK} is a good time
   * @throws IllegalArgumentException as {@link #read} does
   */
  public static Policy watch(Path file, Duration every) {
    DurationRange.positive("every", every);
    Policy policy = new Policy(file);
    policy.watcher = Enduring.virtualThread("seriatim-policy", () -> policy.watch(every));
    policy.watcher.start();
    return policy;
  }

  private void watch(Duration every) {
    try {
      while (true) {
        Thread.sleep(every);
        try {
          reload();
        } catch (RuntimeException e) {
          logger.error("a listener failed to take a new policy", e);
        }
      }
    } catch (InterruptedException e) {
      // Closed.
    }
  }

  /**
   * Looks at the file now.
   *
   * @return whether it is another one, and good: it is in force then
   */
  @CanIgnoreReturnValue
  public boolean reload() {
    if (!file.look()) {
      return false;
    }
    listeners.forEach(Runnable::run);
    return true;
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalArgumentException if the policy names a namespace or a method that isn't there
   * @throws IllegalStateException if another host has told it before
   */
  @Override
  public void begin(Collection<ServedNamespace> namespaces) {
    checkState(served.namespaces == null, "the policy is that of another host");
    served.namespaces =
        namespaces.stream()
            .collect(
                ImmutableSortedMap.toImmutableSortedMap(
                    Comparator.naturalOrder(), ServedNamespace::name, namespace -> namespace));
    file.readAgain();
  }

  @Override
  public Access access(Caller caller, String namespace, Optional<String> name, DurableObjectId id) {
    return file.current().access(caller, namespace, name, id);
  }

  @Override
  public void onChange(Runnable listener) {
    listeners.add(listener);
  }

  @Override
  public Set<AdminRight> adminRights(Caller caller) {
    return file.current().rights(caller);
  }

  /** Looks at the file no more; what it said last stays in force. */
  @Override
  public void close() {
    if (watcher != null) {
      watcher.interrupt();
    }
  }
}
