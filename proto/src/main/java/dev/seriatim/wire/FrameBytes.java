package dev.seriatim.wire;

import io.grpc.KnownLength;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** Takes messages out of gRPC's hands. */
public final class FrameBytes {
  private FrameBytes() {}

  /** All that is left in the stream. */
  static byte[] read(InputStream stream) throws IOException {
    return read(stream, Integer.MAX_VALUE);
  }

  /**
   * All that is left in the stream. If it was compressed, its length isn't known before: then it is
   * read no further than a byte past the limit.
   */
  public static byte[] read(InputStream stream, int limit) throws IOException {
    if (!(stream instanceof KnownLength)) {
      return stream.readNBytes(limit < Integer.MAX_VALUE ? limit + 1 : limit);
    }
    byte[] bytes = new byte[stream.available()];
    int read = stream.readNBytes(bytes, 0, bytes.length);
    return read == bytes.length ? bytes : Arrays.copyOf(bytes, read);
  }
}
