package dev.seriatim.server.cli;

import com.google.common.collect.ImmutableMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Where a host is, and who calls, is the same for many commands: so it may be in the environment.
 */
final class EnvironmentDefaults implements IDefaultValueProvider {
  private static final ImmutableMap<String, String> VARIABLES =
      ImmutableMap.of(
          "--target", "SERIATIM_TARGET",
          "--token", "SERIATIM_TOKEN",
          "--token-file", "SERIATIM_TOKEN_FILE",
          "--tls-ca", "SERIATIM_TLS_CA");

  private final Map<String, String> environment;

  EnvironmentDefaults(Map<String, String> environment) {
    this.environment = environment;
  }

  @Override
  public @Nullable String defaultValue(ArgSpec argument) {
    if (!(argument instanceof OptionSpec option)) {
      return null;
    }
    String variable = VARIABLES.get(option.longestName());
    String value = variable == null ? null : environment.get(variable);
    return value == null || value.isEmpty() ? null : value;
  }
}
