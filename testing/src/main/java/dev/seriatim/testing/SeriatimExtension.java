package dev.seriatim.testing;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolutionException;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives each test that asks for one a {@link TestSeriatim}: a real host with your objects, in the
 * test's own process.
 *
 * <pre>{@code
 * @RegisterExtension
 * static final SeriatimExtension seriatim = SeriatimExtension.of(new MyObjects());
 *
 * @Test
 * void countsOnAfterARestart(TestSeriatim host) { … }
 * }</pre>
 *
 * <p>The host starts when the first parameter asks for it, and ends with the test method, or with
 * the class if it is {@link #shared}. The stubs of {@link TestSeriatim#stub} are closed with it. A
 * stub that the test got otherwise and left open fails the test.
 *
 * <p>Immutable: each method gives another one.
 */
public final class SeriatimExtension
    implements ParameterResolver, AfterEachCallback, AfterAllCallback {
  private static final ExtensionContext.Namespace NAMESPACE =
      ExtensionContext.Namespace.create(SeriatimExtension.class);

  private final HostSettings settings;
  private final boolean shared;

  private SeriatimExtension(HostSettings settings, boolean shared) {
    this.settings = settings;
    this.shared = shared;
  }

  /** Hosts with these objects, one for each test method, in process. */
  public static SeriatimExtension of(DurableObjectProvider objects) {
    return new SeriatimExtension(HostSettings.of(objects), /* shared= */ false);
  }

  /**
   * Sets what time it is when a host starts; default 2026-01-01T00:00:00Z.
   *
   * @param time such as {@code 2026-01-01T00:00:00Z}
   */
  public SeriatimExtension clockAt(String time) {
    return clockAt(Instant.parse(time));
  }

  /** As {@link #clockAt(String)}. */
  public SeriatimExtension clockAt(Instant time) {
    return new SeriatimExtension(settings.clockAt(time), shared);
  }

  /** Has the hosts listen on a port of 127.0.0.1 as well, for clients outside of the process. */
  public SeriatimExtension loopback() {
    return new SeriatimExtension(settings.onLoopback(), shared);
  }

  /** One host for all tests of the class. */
  public SeriatimExtension shared() {
    return new SeriatimExtension(settings, /* shared= */ true);
  }

  /**
   * Sets more of the hosts: limits, an authenticator, interceptors. What the kit sets itself counts
   * more: where the host listens, and what it stores in.
   */
  public SeriatimExtension with(Consumer<DurableObjectHost.Builder> more) {
    return new SeriatimExtension(settings.with(more), shared);
  }

  /** A host for whoever has no JUnit; theirs to close. */
  public TestSeriatim start() {
    return new TestSeriatim(settings);
  }

  // ---- for JUnit

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == TestSeriatim.class;
  }

  @Override
  public TestSeriatim resolveParameter(ParameterContext parameter, ExtensionContext context) {
    if (!shared && context.getTestMethod().isEmpty()) {
      throw new ParameterResolutionException(
          "there is a host for each test method, expected shared() for one of the class");
    }
    return store(shared ? ofClass(context) : context)
        .getOrComputeIfAbsent(this, _ -> start(), TestSeriatim.class);
  }

  /** The class of a test, whatever stands between: a template, say. */
  private static ExtensionContext ofClass(ExtensionContext context) {
    ExtensionContext found = context;
    while (found.getTestMethod().isPresent()) {
      Optional<ExtensionContext> parent = found.getParent();
      if (parent.isEmpty()) {
        break;
      }
      found = parent.get();
    }
    return found;
  }

  private static ExtensionContext.Store store(ExtensionContext context) {
    return context.getStore(NAMESPACE);
  }

  @Override
  public void afterEach(ExtensionContext context) {
    close(context);
  }

  @Override
  public void afterAll(ExtensionContext context) {
    close(context);
  }

  private void close(ExtensionContext context) {
    // The store also shows what is there of the class, but removes only what is its own.
    @Nullable TestSeriatim host = store(context).remove(this, TestSeriatim.class);
    if (host != null) {
      host.close();
    }
  }
}
