package dev.seriatim.wire;

/** How fields are marked on the wire. */
final class Tags {
  static final int VARINT = 0;
  static final int LENGTH_DELIMITED = 2;
  static final int GROUP = 3;
  static final int END_OF_GROUP = 4;

  private Tags() {}

  /** The mark of an integer field. */
  static int integer(int field) {
    return field << 3 | VARINT;
  }

  /** The mark of a field of bytes, text or a message. */
  static int bytes(int field) {
    return field << 3 | LENGTH_DELIMITED;
  }
}
