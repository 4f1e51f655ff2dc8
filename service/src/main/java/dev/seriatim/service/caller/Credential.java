package dev.seriatim.service.caller;

import java.util.Set;

/** What callers show of themselves, which is the host's business alone. */
public final class Credential {
  private static final Set<String> HEADERS =
      Set.of("authorization", "proxy-authorization", "cookie");

  private Credential() {}

  /**
   * Whether credentials stand under this key, of headers or metadata, which never reach an object.
   */
  public static boolean isIn(String key) {
    return HEADERS.contains(key);
  }
}
