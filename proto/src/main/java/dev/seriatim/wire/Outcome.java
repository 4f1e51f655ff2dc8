package dev.seriatim.wire;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.Value;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * An outcome that is to be sent, as {@code seriatim.v1.Outcome} describes it. Immutable.
 *
 * @param sequence the invocation's number
 * @param message the result, or null if it is JSON
 * @param json the result as JSON, or null
 */
public record Outcome(long sequence, @Nullable Content message, @Nullable Value json) {
  /** The size of the outcome in bytes, without what its frame adds to it. */
  public int size() {
    int size =
        CodedOutputStream.computeUInt64Size(
            dev.seriatim.v1.Outcome.SEQUENCE_FIELD_NUMBER, sequence);
    if (message != null) {
      size += message.fieldSize(dev.seriatim.v1.Outcome.MESSAGE_FIELD_NUMBER);
    } else if (json != null) {
      size += CodedOutputStream.computeMessageSize(dev.seriatim.v1.Outcome.JSON_FIELD_NUMBER, json);
    }
    return size;
  }

  void writeTo(CodedOutputStream out) throws IOException {
    out.writeUInt64(dev.seriatim.v1.Outcome.SEQUENCE_FIELD_NUMBER, sequence);
    if (message != null) {
      message.writeField(dev.seriatim.v1.Outcome.MESSAGE_FIELD_NUMBER, out);
    } else if (json != null) {
      out.writeMessage(dev.seriatim.v1.Outcome.JSON_FIELD_NUMBER, json);
    }
  }
}
