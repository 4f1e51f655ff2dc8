package dev.seriatim.wire;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.HexFormat;

/**
 * How an object is written in a line of text, in a log or an error: as the header {@code
 * seriatim-object} has it. Whatever is in a name, it can't be taken for anything else.
 */
public final class ObjectPath {
  private static final HexFormat HEX = HexFormat.of().withUpperCase();
  private static final String ID_PREFIX = "id:";

  private ObjectPath() {}

  /** An object by its name: {@code NAMESPACE/NAME}, the name in percent-encoded UTF-8. */
  public static String byName(String namespace, String name) {
    int plain = name.startsWith(ID_PREFIX) ? 0 : plainCharacters(name);
    return namespace + "/" + (plain == name.length() ? name : encoded(name));
  }

  /** An object by its id: {@code NAMESPACE/id:HEX}. */
  public static String byId(String namespace, String hexId) {
    return namespace + "/" + ID_PREFIX + hexId;
  }

  private static int plainCharacters(String name) {
    int plain = 0;
    while (plain < name.length() && isPlain(name.charAt(plain))) {
      plain++;
    }
    return plain;
  }

  private static String encoded(String name) {
    StringBuilder text = new StringBuilder(name.length() + 16);
    byte[] bytes = name.getBytes(UTF_8);
    for (int i = 0; i < bytes.length; i++) {
      char c = (char) (bytes[i] & 0xff);
      // A name that begins as an id does is no id.
      if (isPlain(c) && !(c == ':' && i == 2 && name.startsWith(ID_PREFIX))) {
        text.append(c);
      } else {
        text.append('%').append(HEX.toHexDigits(bytes[i]));
      }
    }
    return text.toString();
  }

  private static boolean isPlain(char c) {
    return c > ' ' && c <= '~' && c != '%' && c != '?';
  }
}
