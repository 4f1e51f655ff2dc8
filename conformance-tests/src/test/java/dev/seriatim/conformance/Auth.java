package dev.seriatim.conformance;

import dev.seriatim.service.Authenticators;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.Policy;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/** A host of this tree that offers {@code auth}, as the files say that stand beside the cases. */
final class Auth {
  private static final Path FILES = Path.of("auth");

  private Auth() {}

  /** Has the host ask who calls, if it is to. */
  static void addTo(DurableObjectHost.Builder builder, Set<String> features) {
    if (features.contains("auth")) {
      builder
          .authenticator(Authenticators.tokens(FILES.resolve("tokens")))
          .authorizer(Policy.read(FILES.resolve("policy.json")));
    }
  }

  /** The tokens of its callers. */
  static Map<String, String> tokens(Set<String> features) {
    try {
      return features.contains("auth") ? CallerTokens.read(FILES.resolve("callers")) : Map.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
