package dev.seriatim.cluster;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/** Ports for those that have to know theirs before they listen, or listen there again. */
public final class FreePort {
  private static final int FIRST = 20_000;

  /** Linux gives this one and those above to whoever connects, and to whoever asks for any. */
  private static final int FIRST_OF_CONNECTIONS = 32_768;

  private static final int ATTEMPTS = 100;

  private FreePort() {}

  /** One of the loopback interface that is free, and that nobody gets by chance meanwhile. */
  public static int next() throws IOException {
    for (int attempt = 1; ; attempt++) {
      int port = ThreadLocalRandom.current().nextInt(FIRST, FIRST_OF_CONNECTIONS);
      try (ServerSocket _ = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return port;
      } catch (BindException e) {
        if (attempt == ATTEMPTS) {
          throw e;
        }
      }
    }
  }
}
