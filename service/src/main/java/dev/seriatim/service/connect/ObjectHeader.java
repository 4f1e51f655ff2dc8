package dev.seriatim.service.connect;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.v1.Open;
import io.grpc.Metadata;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.HexFormat;
import java.util.Iterator;

/**
 * Reads the header {@code seriatim-object}, as the contract describes it: {@code NAMESPACE/NAME},
 * the name in percent-encoded UTF-8, or {@code NAMESPACE/id:HEX}. Every name that {@code Open} can
 * say can be said here. What a client or a proxy may have made of another name is refused, for two
 * objects would become one.
 */
final class ObjectHeader {
  static final Metadata.Key<String> KEY =
      Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER);

  private static final String ID_PREFIX = "id:";
  private static final String FORM =
      "expected NAMESPACE/NAME, with the name in percent-encoded UTF-8 such as Gr%C3%B6%C3%9Fe, or"
          + " NAMESPACE/id:HEX";

  private ObjectHeader() {}

  /**
   * The object that the headers name.
   *
   * @throws BreakException if they name none, or it isn't certain which
   */
  static Open read(Metadata headers) throws BreakException {
    Iterable<String> values = headers.getAll(KEY);
    if (values == null) {
      throw refusal(BreakReason.PROTOCOL_VIOLATION, "missing, " + FORM);
    }
    Iterator<String> each = values.iterator();
    String value = each.next();
    if (each.hasNext()) {
      throw refusal(
          BreakReason.INVALID_ID,
          "there twice, as '%s' and as '%s', expected it once".formatted(value, each.next()));
    }
    int slash = value.indexOf('/');
    if (slash <= 0) {
      throw refusal(BreakReason.PROTOCOL_VIOLATION, "'%s', %s".formatted(value, FORM));
    }
    Open.Builder open = Open.newBuilder().setNamespace(value.substring(0, slash));
    String object = value.substring(slash + 1);
    return object.startsWith(ID_PREFIX)
        ? open.setId(object.substring(ID_PREFIX.length())).build()
        : open.setName(decoded(object)).build();
  }

  private static String decoded(String name) throws BreakException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(name.length());
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c == '%') {
        bytes.write(encodedByte(name, i));
        i += 2;
      } else if (c < ' ' || c > '~') {
        throw unclear(name, i, "'%s' (U+%04X)".formatted(c, (int) c), "UTF-8 with a % per byte");
      } else if (c == '?') {
        // What many clients make of a character that a header can't have.
        throw unclear(name, i, "'?'", "%3F, or the character that it may stand for in UTF-8");
      } else if (c == ' ' && i == name.length() - 1) {
        throw unclear(name, i, "a space, which some clients cut off", "%20");
      } else {
        bytes.write(c);
      }
    }
    try {
      return UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes.toByteArray())).toString();
    } catch (CharacterCodingException e) {
      throw refusal(
          BreakReason.INVALID_ID,
          "name '%s' is not UTF-8 once it is decoded, %s".formatted(name, FORM));
    }
  }

  private static int encodedByte(String name, int percent) throws BreakException {
    int end = percent + 3;
    if (end > name.length()
        || !HexFormat.isHexDigit(name.charAt(percent + 1))
        || !HexFormat.isHexDigit(name.charAt(percent + 2))) {
      throw unclear(name, percent, "'%' without two hex digits behind it", "%25");
    }
    return HexFormat.fromHexDigits(name, percent + 1, end);
  }

  private static BreakException unclear(String name, int index, String what, String instead) {
    return refusal(
        BreakReason.INVALID_ID,
        "name '%s' has %s at %d, expected it written as %s".formatted(name, what, index, instead));
  }

  private static BreakException refusal(BreakReason reason, String what) {
    return new BreakException(BreakCause.of(reason, "header %s: %s".formatted(KEY.name(), what)));
  }
}
