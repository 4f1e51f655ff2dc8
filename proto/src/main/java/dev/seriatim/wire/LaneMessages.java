package dev.seriatim.wire;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.ExtensionRegistryLite;
import com.google.rpc.Status;
import dev.seriatim.peer.v1.RelayRequest;
import dev.seriatim.v1.ConnectManyRequest;
import dev.seriatim.wire.LaneRequest.What;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads and writes the messages of {@code ConnectMany}. What is read is what the generated classes
 * read. Frames are left as bytes of their own, so that none keeps the message that it came in.
 */
public final class LaneMessages {
  /** How much is put into one message, unless a single part is longer. */
  public static final int FULL_MESSAGE_BYTES = 256 << 10;

  private static final int LANES_FIELD = ConnectManyRequest.LANES_FIELD_NUMBER;
  private static final int LANES = Tags.bytes(LANES_FIELD);
  private static final int LANE_FIELD = dev.seriatim.v1.LaneRequest.LANE_FIELD_NUMBER;
  private static final int LANE = Tags.integer(LANE_FIELD);
  private static final int FRAME_FIELD = dev.seriatim.v1.LaneRequest.FRAME_FIELD_NUMBER;
  private static final int FRAME = Tags.bytes(FRAME_FIELD);
  private static final int HALF_CLOSE_FIELD = dev.seriatim.v1.LaneRequest.HALF_CLOSE_FIELD_NUMBER;
  private static final int HALF_CLOSE = Tags.integer(HALF_CLOSE_FIELD);
  private static final int CANCEL_FIELD = dev.seriatim.v1.LaneRequest.CANCEL_FIELD_NUMBER;
  private static final int CANCEL = Tags.integer(CANCEL_FIELD);
  private static final int MORE_BYTES_FIELD = dev.seriatim.v1.LaneRequest.MORE_BYTES_FIELD_NUMBER;
  private static final int MORE_BYTES = Tags.integer(MORE_BYTES_FIELD);
  private static final int RELAY_OPEN_FIELD = RelayRequest.OPEN_FIELD_NUMBER;
  private static final int RELAY_OPEN = Tags.bytes(RELAY_OPEN_FIELD);
  private static final int RELAY_FAIL_FIELD = RelayRequest.FAIL_FIELD_NUMBER;
  private static final int RELAY_FAIL = Tags.bytes(RELAY_FAIL_FIELD);
  private static final int RELAY_BREAK_SOON_FIELD = RelayRequest.BREAK_SOON_FIELD_NUMBER;
  private static final int RELAY_BREAK_SOON = Tags.bytes(RELAY_BREAK_SOON_FIELD);
  private static final int END_FIELD = dev.seriatim.v1.LaneResponse.END_FIELD_NUMBER;
  private static final int END = Tags.bytes(END_FIELD);

  private LaneMessages() {}

  // ---- requests

  /** Reads a {@code ConnectManyRequest}. */
  public static List<LaneRequest> readRequests(byte[] message) throws IOException {
    return readRequests(message, /* fromHost= */ false);
  }

  /** Reads a {@code seriatim.peer.v1.TrunkRequest}. */
  public static List<LaneRequest> readTrunkRequests(byte[] message) throws IOException {
    return readRequests(message, /* fromHost= */ true);
  }

  private static List<LaneRequest> readRequests(byte[] message, boolean fromHost)
      throws IOException {
    CodedInputStream in = CodedInputStream.newInstance(message);
    List<LaneRequest> parts = new ArrayList<>();
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == LANES) {
        int outer = in.pushLimit(in.readRawVarint32());
        parts.add(readRequest(in, fromHost));
        in.popLimit(outer);
      } else {
        UnknownFields.skip(in, tag, /* depth= */ 0);
      }
    }
    return parts;
  }

  private static LaneRequest readRequest(CodedInputStream in, boolean fromHost) throws IOException {
    long lane = 0;
    What what = What.NOTHING;
    EncodedFrame frame = null;
    int moreBytes = 0;
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == LANE) {
        lane = in.readUInt64();
      } else if (tag == FRAME) {
        frame = joined(what == What.FRAME ? frame : null, in.readByteArray());
        what = What.FRAME;
      } else if (tag == HALF_CLOSE) {
        what = in.readBool() ? What.HALF_CLOSE : What.NEITHER;
      } else if (tag == CANCEL) {
        what = in.readBool() ? What.CANCEL : What.NEITHER;
      } else if (tag == MORE_BYTES) {
        moreBytes = in.readUInt32();
      } else if (fromHost && isOfRelay(tag)) {
        frame = new EncodedFrame(in.readByteArray());
        what =
            tag == RELAY_OPEN
                ? What.RELAY_OPEN
                : tag == RELAY_FAIL ? What.RELAY_FAIL : What.RELAY_BREAK_SOON;
      } else {
        UnknownFields.skip(in, tag, /* depth= */ 1);
      }
    }
    boolean hasFrame = what != What.HALF_CLOSE && what != What.CANCEL && what != What.NEITHER;
    return new LaneRequest(lane, what, hasFrame ? frame : null, moreBytes);
  }

  private static boolean isOfRelay(int tag) {
    return tag == RELAY_OPEN || tag == RELAY_FAIL || tag == RELAY_BREAK_SOON;
  }

  /** Writes a {@code ConnectManyRequest}, or a {@code seriatim.peer.v1.TrunkRequest}. */
  public static EncodedFrame writeRequests(List<LaneRequest> parts) {
    int size = 0;
    for (LaneRequest part : parts) {
      size += fieldSize(size(part));
    }
    byte[] bytes = new byte[size];
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      for (LaneRequest part : parts) {
        out.writeTag(LANES_FIELD, Tags.LENGTH_DELIMITED);
        out.writeUInt32NoTag(size(part));
        write(part, out);
      }
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // It wrote more than it had said.
    }
    return new EncodedFrame(bytes);
  }

  /** How long a part is. */
  public static int size(LaneRequest part) {
    int size = CodedOutputStream.computeUInt64Size(LANE_FIELD, part.lane());
    if (part.frame() != null) {
      size += fieldSize(part.frame().size());
    } else if (part.what() != What.NOTHING) {
      size += CodedOutputStream.computeBoolSize(CANCEL_FIELD, true);
    }
    if (part.moreBytes() != 0) {
      size += CodedOutputStream.computeUInt32Size(MORE_BYTES_FIELD, part.moreBytes());
    }
    return size;
  }

  private static void write(LaneRequest part, CodedOutputStream out) throws IOException {
    out.writeUInt64(LANE_FIELD, part.lane());
    if (part.frame() != null) {
      int field =
          switch (part.what()) {
            case RELAY_OPEN -> RELAY_OPEN_FIELD;
            case RELAY_FAIL -> RELAY_FAIL_FIELD;
            case RELAY_BREAK_SOON -> RELAY_BREAK_SOON_FIELD;
            default -> FRAME_FIELD;
          };
      out.writeByteArray(field, part.frame().bytes());
    } else {
      switch (part.what()) {
        case HALF_CLOSE -> out.writeBool(HALF_CLOSE_FIELD, true);
        case CANCEL -> out.writeBool(CANCEL_FIELD, true);
        case NEITHER -> out.writeBool(CANCEL_FIELD, false);
        case NOTHING, FRAME, RELAY_OPEN, RELAY_FAIL, RELAY_BREAK_SOON -> {}
      }
    }
    if (part.moreBytes() != 0) {
      out.writeUInt32(MORE_BYTES_FIELD, part.moreBytes());
    }
  }

  // ---- responses

  /** Reads a {@code ConnectManyResponse}. */
  public static List<LaneResponse> readResponses(byte[] message) throws IOException {
    CodedInputStream in = CodedInputStream.newInstance(message);
    List<LaneResponse> parts = new ArrayList<>();
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == LANES) {
        int outer = in.pushLimit(in.readRawVarint32());
        parts.add(readResponse(in));
        in.popLimit(outer);
      } else {
        UnknownFields.skip(in, tag, /* depth= */ 0);
      }
    }
    return parts;
  }

  private static LaneResponse readResponse(CodedInputStream in) throws IOException {
    long lane = 0;
    EncodedFrame frame = null;
    Status end = null;
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (tag == LANE) {
        lane = in.readUInt64();
      } else if (tag == FRAME) {
        frame = joined(frame, in.readByteArray());
      } else if (tag == END) {
        Status more = in.readMessage(Status.parser(), ExtensionRegistryLite.getEmptyRegistry());
        end = end == null ? more : end.toBuilder().mergeFrom(more).build();
      } else {
        UnknownFields.skip(in, tag, /* depth= */ 1);
      }
    }
    return new LaneResponse(lane, frame, end);
  }

  /** Writes a {@code ConnectManyResponse}. */
  public static EncodedFrame writeResponses(List<LaneResponse> parts) {
    int size = 0;
    for (LaneResponse part : parts) {
      size += fieldSize(size(part));
    }
    byte[] bytes = new byte[size];
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      for (LaneResponse part : parts) {
        out.writeTag(LANES_FIELD, Tags.LENGTH_DELIMITED);
        out.writeUInt32NoTag(size(part));
        out.writeUInt64(LANE_FIELD, part.lane());
        if (part.frame() != null) {
          out.writeByteArray(FRAME_FIELD, part.frame().bytes());
        }
        if (part.end() != null) {
          out.writeMessage(END_FIELD, part.end());
        }
      }
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // It wrote more than it had said.
    }
    return new EncodedFrame(bytes);
  }

  /** How long a part is. */
  public static int size(LaneResponse part) {
    int size = CodedOutputStream.computeUInt64Size(LANE_FIELD, part.lane());
    if (part.frame() != null) {
      size += fieldSize(part.frame().size());
    }
    if (part.end() != null) {
      size += CodedOutputStream.computeMessageSize(END_FIELD, part.end());
    }
    return size;
  }

  // ---- both

  /** What a field of so many bytes takes; all fields here have small numbers. */
  private static int fieldSize(int size) {
    return 1 + CodedOutputStream.computeUInt32SizeNoTag(size) + size;
  }

  /** A message that comes twice is merged: as if its bytes had come one behind the other. */
  private static EncodedFrame joined(@Nullable EncodedFrame first, byte[] second) {
    if (first == null) {
      return new EncodedFrame(second);
    }
    byte[] both = Arrays.copyOf(first.bytes(), first.size() + second.length);
    System.arraycopy(second, 0, both, first.size(), second.length);
    return new EncodedFrame(both);
  }
}
