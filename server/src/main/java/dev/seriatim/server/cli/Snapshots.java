package dev.seriatim.server.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import dev.seriatim.admin.v1.ObjectSnapshot;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Objects in a file: a line that says what it is, and then each part behind its length, as protobuf
 * writes it; or, as JSON, a part a line. Behind the last one stands an empty part, so that a file
 * that was cut off is known for one.
 */
final class Snapshots {
  private static final byte[] HEAD = "seriatim export 1\n".getBytes(UTF_8);
  private static final ObjectSnapshot END = ObjectSnapshot.getDefaultInstance();

  private Snapshots() {}

  /** Writes parts. For one thread. */
  static final class Writer {
    private final OutputStream to;
    private final boolean json;

    Writer(OutputStream to, boolean json) throws IOException {
      this.to = to;
      this.json = json;
      if (!json) {
        to.write(HEAD);
      }
    }

    void write(ObjectSnapshot part) throws IOException {
      if (json) {
        to.write((AdminCommand.json(part, false) + "\n").getBytes(UTF_8));
      } else {
        part.writeDelimitedTo(to);
      }
    }

    /** All has been written. */
    void end() throws IOException {
      write(END);
      to.flush();
    }
  }

  /** Reads parts. For one thread. */
  static final class Reader {
    private final InputStream from;
    private final @Nullable BufferedReader lines;

    Reader(InputStream file) throws IOException {
      from = new BufferedInputStream(file, 1 << 16);
      from.mark(HEAD.length + 1);
      byte[] begin = from.readNBytes(HEAD.length);
      if (Arrays.equals(begin, HEAD)) {
        lines = null;
      } else if (begin.length > 0 && begin[0] == '{') {
        from.reset();
        lines = new BufferedReader(new InputStreamReader(from, UTF_8));
      } else {
        throw new IOException("is none that seriatim export has written");
      }
    }

    /**
     * The next part; null behind the last one.
     *
     * @throws EOFException if the file ends before that
     */
    @Nullable ObjectSnapshot next() throws IOException {
      ObjectSnapshot part = lines == null ? framed() : parsed(lines.readLine());
      return part.equals(END) ? null : part;
    }

    /** Protobuf itself takes what ends between two fields for whole. */
    private ObjectSnapshot framed() throws IOException {
      int first = from.read();
      if (first < 0) {
        throw cutOff();
      }
      try {
        int length = CodedInputStream.readRawVarint32(first, from);
        byte[] bytes = from.readNBytes(length);
        if (bytes.length < length) {
          throw cutOff();
        }
        return ObjectSnapshot.parseFrom(bytes);
      } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
        throw cutOff();
      }
    }

    private static ObjectSnapshot parsed(@Nullable String line) throws IOException {
      if (line == null) {
        throw cutOff();
      }
      ObjectSnapshot.Builder part = ObjectSnapshot.newBuilder();
      try {
        JsonFormat.parser().merge(line, part);
      } catch (InvalidProtocolBufferException e) {
        throw cutOff();
      }
      return part.build();
    }

    private static EOFException cutOff() {
      return new EOFException("ends in the middle: it was cut off, or is damaged");
    }
  }
}
