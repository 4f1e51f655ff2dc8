package dev.seriatim.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Reads the metadata of an invocation, and takes just what the generated class takes: a field that
 * an entry doesn't have is passed over as strictly as there.
 */
final class MetadataReader {
  /** Where an entry has its key. */
  static final int KEY_FIELD = 1;

  /** Where an entry has its value. */
  static final int VALUE_FIELD = 2;

  private static final int KEY = Tags.bytes(KEY_FIELD);
  private static final int VALUE = Tags.bytes(VALUE_FIELD);

  private MetadataReader() {}

  /**
   * Reads all entries. Of those with the same key the last one counts.
   *
   * @param metadata the entries, as fields of an invocation, and nothing else
   */
  static Map<String, String> read(ByteString metadata) throws InvalidProtocolBufferException {
    CodedInputStream in = Invocation.nested(metadata, /* depth= */ 2);
    Map<String, String> entries = new LinkedHashMap<>();
    try {
      while (in.readTag() != 0) {
        int outer = in.pushLimit(in.readRawVarint32());
        readEntry(in, entries);
        in.popLimit(outer);
      }
    } catch (InvalidProtocolBufferException e) {
      throw e;
    } catch (IOException e) {
      throw new InvalidProtocolBufferException(e);
    }
    return entries;
  }

  private static void readEntry(CodedInputStream in, Map<String, String> into) throws IOException {
    String key = "";
    String value = "";
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == KEY) {
        key = in.readStringRequireUtf8();
      } else if (tag == VALUE) {
        value = in.readStringRequireUtf8();
      } else if (!in.skipField(tag)) {
        throw new InvalidProtocolBufferException("a group ends that did not begin");
      }
    }
    into.put(key, value);
  }
}
