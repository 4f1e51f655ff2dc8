package dev.seriatim.wire;

import com.google.protobuf.CodedOutputStream;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Writes {@code seriatim.v1.ConnectResponse}s. */
public final class ResponseEncoder {
  private static final int OUTCOME = ConnectResponse.OUTCOMES_FIELD_NUMBER;
  private static final int BROKEN = ConnectResponse.BROKEN_FIELD_NUMBER;

  private ResponseEncoder() {}

  /** A frame with these outcomes, and the break behind them if there is one. */
  public static EncodedFrame encode(List<Outcome> outcomes, @Nullable Broken broken) {
    int size = broken == null ? 0 : CodedOutputStream.computeMessageSize(BROKEN, broken);
    for (int i = 0; i < outcomes.size(); i++) {
      int outcome = outcomes.get(i).size();
      size +=
          CodedOutputStream.computeTagSize(OUTCOME)
              + CodedOutputStream.computeUInt32SizeNoTag(outcome)
              + outcome;
    }
    byte[] bytes = new byte[size];
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      for (int i = 0; i < outcomes.size(); i++) {
        Outcome outcome = outcomes.get(i);
        out.writeTag(OUTCOME, Tags.LENGTH_DELIMITED);
        out.writeUInt32NoTag(outcome.size());
        outcome.writeTo(out);
      }
      if (broken != null) {
        out.writeMessage(BROKEN, broken);
      }
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // A message wrote more than it had said.
    }
    return new EncodedFrame(bytes);
  }
}
