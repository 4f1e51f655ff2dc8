package dev.seriatim.server.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.admin.v1.ObjectName;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * An object as it is given on the command line: as logs and errors write it, but that a name may
 * also have what a header can't, such as a space or a letter of any alphabet. A value.
 *
 * @param name null if it is given by its id
 * @param id null if it is given by its name
 */
record ObjectArgument(String namespace, @Nullable String name, @Nullable String id) {
  /** How {@code --help} writes it. */
  static final String LABEL = "NAMESPACE/NAME";

  private static final String ID_PREFIX = "id:";
  private static final HexFormat HEX = HexFormat.of().withUpperCase();
  private static final String FORM = "expected NAMESPACE/NAME or NAMESPACE/id:HEX";

  /** For picocli. */
  static final class Converter implements ITypeConverter<ObjectArgument> {
    @Override
    public ObjectArgument convert(String value) {
      try {
        return parse(value);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }

  /**
   * Reads one.
   *
   * @throws IllegalArgumentException if it is none
   */
  static ObjectArgument parse(String text) {
    int slash = text.indexOf('/');
    if (slash <= 0 || slash == text.length() - 1) {
      throw new IllegalArgumentException("'%s', %s".formatted(text, FORM));
    }
    String namespace = text.substring(0, slash);
    String object = text.substring(slash + 1);
    return object.startsWith(ID_PREFIX)
        ? new ObjectArgument(namespace, null, object.substring(ID_PREFIX.length()))
        : new ObjectArgument(namespace, decoded(object), null);
  }

  /** A name, or the beginning of one, without its percent encoding. */
  static String decoded(String text) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(text.length());
    for (int i = 0; i < text.length(); ) {
      if (text.charAt(i) == '%') {
        if (i + 3 > text.length()
            || !HexFormat.isHexDigit(text.charAt(i + 1))
            || !HexFormat.isHexDigit(text.charAt(i + 2))) {
          throw new IllegalArgumentException(
              "'%s' has a %% without two hex digits behind it at %d, expected %%25"
                  .formatted(text, i));
        }
        bytes.write(HexFormat.fromHexDigits(text, i + 1, i + 3));
        i += 3;
      } else {
        int end = text.offsetByCodePoints(i, 1);
        bytes.writeBytes(text.substring(i, end).getBytes(UTF_8));
        i = end;
      }
    }
    try {
      return UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes.toByteArray())).toString();
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(
          "'%s' is not UTF-8 once it is decoded, %s".formatted(text, FORM), e);
    }
  }

  /** For the admin service. */
  ObjectName toProto() {
    ObjectName.Builder object = ObjectName.newBuilder().setNamespace(namespace);
    if (name != null) {
      object.setName(name);
    }
    if (id != null) {
      object.setId(id);
    }
    return object.build();
  }

  /** As it is shown, and can be given again. Letters of any alphabet are shown as they are. */
  static String text(String namespace, @Nullable String name, String id) {
    if (name == null) {
      return namespace + "/" + ID_PREFIX + id;
    }
    StringBuilder shown = new StringBuilder(namespace).append('/');
    name.codePoints()
        .forEach(
            c -> {
              boolean escaped =
                  c == '%'
                      || Character.isISOControl(c)
                      || (c == ':' && name.startsWith(ID_PREFIX))
                      || Character.getType(c) == Character.FORMAT;
              if (escaped) {
                for (byte each : Character.toString(c).getBytes(UTF_8)) {
                  shown.append('%').append(HEX.toHexDigits(each));
                }
              } else {
                shown.appendCodePoint(c);
              }
            });
    return shown.toString();
  }

  @Override
  public String toString() {
    return text(namespace, name, String.valueOf(id));
  }
}
