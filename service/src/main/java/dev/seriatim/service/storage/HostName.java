package dev.seriatim.service.storage;

import com.google.common.io.BaseEncoding;
import java.security.SecureRandom;

/** What a host calls itself in the store: never the same twice. */
final class HostName {
  private static final SecureRandom RANDOM = new SecureRandom();

  private HostName() {}

  static String make() {
    byte[] random = new byte[8];
    RANDOM.nextBytes(random);
    return "process-"
        + ProcessHandle.current().pid()
        + "-"
        + BaseEncoding.base16().lowerCase().encode(random);
  }
}
