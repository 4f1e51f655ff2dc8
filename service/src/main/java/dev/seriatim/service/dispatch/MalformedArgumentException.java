package dev.seriatim.service.dispatch;

import org.jspecify.annotations.Nullable;

/** Says that an argument doesn't parse as the method's request type. */
public final class MalformedArgumentException extends Exception {
  private static final long serialVersionUID = 1;

  MalformedArgumentException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
