package dev.seriatim.service.connect;

import io.grpc.Codec;
import io.grpc.Decompressor;
import io.grpc.DecompressorRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * Unpacks gzip when it is read, as gRPC's own does, but for who asks to have it as it came: to
 * unpack takes time, and gRPC would have it done by the transport's thread.
 */
final class Gzip implements Decompressor {
  /** What no caller of {@link InputStream#skip} means. */
  private static final long LEAVE_PACKED = Long.MIN_VALUE;

  private Gzip() {}

  /** All that gRPC is to unpack with. */
  static DecompressorRegistry registry() {
    return DecompressorRegistry.emptyInstance()
        .with(Codec.Identity.NONE, /* advertised= */ false)
        .with(new Gzip(), /* advertised= */ true);
  }

  /**
   * Has a stream of this class give what it was made of. gRPC wraps it in some of its own, which
   * hand on nothing but what is read and what is skipped: so it is said by skipping.
   */
  static void leavePacked(InputStream stream) throws IOException {
    var _ = stream.skip(LEAVE_PACKED);
  }

  @Override
  public String getMessageEncoding() {
    return "gzip";
  }

  @Override
  public InputStream decompress(InputStream packed) {
    return new Unpacking(packed);
  }

  private static final class Unpacking extends InputStream {
    private final InputStream packed;
    private @Nullable InputStream given;

    Unpacking(InputStream packed) {
      this.packed = packed;
    }

    @Override
    public long skip(long bytes) throws IOException {
      if (bytes != LEAVE_PACKED) {
        return super.skip(bytes);
      }
      if (given == null) {
        given = packed;
      }
      return 0;
    }

    private InputStream given() throws IOException {
      InputStream stream = given;
      if (stream == null) {
        stream = new GZIPInputStream(packed);
        given = stream;
      }
      return stream;
    }

    @Override
    public int read() throws IOException {
      return given().read();
    }

    @Override
    public int read(byte[] bytes, int from, int length) throws IOException {
      return given().read(bytes, from, length);
    }

    @Override
    public int available() throws IOException {
      return given().available();
    }

    @Override
    public void close() throws IOException {
      packed.close();
    }
  }
}
