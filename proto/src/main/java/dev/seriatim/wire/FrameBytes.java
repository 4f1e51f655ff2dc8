package dev.seriatim.wire;

import io.grpc.KnownLength;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** Takes frames out of gRPC's hands. */
public final class FrameBytes {
  private FrameBytes() {}

  /** All that is left in the stream. */
  public static byte[] read(InputStream stream) throws IOException {
    if (!(stream instanceof KnownLength)) {
      return stream.readAllBytes(); // It was compressed.
    }
    byte[] bytes = new byte[stream.available()];
    int read = stream.readNBytes(bytes, 0, bytes.length);
    return read == bytes.length ? bytes : Arrays.copyOf(bytes, read);
  }
}
