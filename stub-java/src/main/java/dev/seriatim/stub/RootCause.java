package dev.seriatim.stub;

import com.google.common.base.Throwables;
import io.grpc.Status;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What gRPC and the system know of a status that gRPC made, down to the root: its description is
 * often a mere "io exception", and what happened stands in the causes.
 */
final class RootCause {
  private static final Pattern SYSTEM_CALL =
      Pattern.compile("^\\w+\\(\\.\\.\\) failed with error\\(-?\\d+\\): ");

  /** As an alert of TLS: in the words of the JDK, or of BoringSSL. */
  private static final Pattern CERTIFICATE_REFUSED =
      Pattern.compile(
          "(?i)\\balert: \\w*(certificate|unknown_ca)|_alert_\\w*(certificate|unknown_ca)");

  private RootCause() {}

  /** In words; never empty. */
  static String of(Status status) {
    StringBuilder text = new StringBuilder();
    add(text, firstLine(status.getDescription()));
    Throwable cause = status.getCause();
    if (cause != null) {
      for (Throwable link : Throwables.getCausalChain(cause)) {
        String message = firstLine(link.getMessage());
        add(text, message.isEmpty() ? link.getClass().getSimpleName() : message);
      }
    }
    return text.length() == 0
        ? "the call ended with status " + status.getCode()
        : explained(text.toString());
  }

  /** What TLS libraries say in words of their own. */
  private static String explained(String text) {
    if (text.contains("not an SSL/TLS record")) {
      return "the host doesn't speak TLS: not an SSL/TLS record"; // Without its bytes.
    }
    if (CERTIFICATE_REFUSED.matcher(text).find()) {
      return "the host wants another certificate of the client, or one at all: " + text;
    }
    return text.contains("PKIX path") ? "the host's certificate isn't trusted: " + text : text;
  }

  private static void add(StringBuilder text, String message) {
    String lower = message.toLowerCase(Locale.ROOT);
    if (lower.isEmpty()
        || lower.equals("io exception")
        || text.toString().toLowerCase(Locale.ROOT).contains(lower)) {
      return;
    }
    if (text.length() > 0) {
      text.append(": ");
    }
    text.append(message);
  }

  /**
   * Behind it gRPC puts what only its own developers need, and Netty puts the system's function
   * before it.
   */
  private static String firstLine(@Nullable String text) {
    return text == null
        ? ""
        : SYSTEM_CALL.matcher(text.lines().findFirst().orElse("").strip()).replaceFirst("");
  }
}
