package dev.seriatim.service.access;

import com.nimbusds.jose.KeySourceException;

/** The issuer's keys are there, were fetched a moment ago, and the one wanted isn't among them. */
final class KeysUnknownException extends KeySourceException {
  private static final long serialVersionUID = 1;

  KeysUnknownException(Throwable cause) {
    super("the key is not among those that were fetched a moment ago", cause);
  }
}
