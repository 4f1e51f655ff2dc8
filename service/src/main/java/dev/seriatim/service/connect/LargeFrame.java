package dev.seriatim.service.connect;

/**
 * A frame that takes long to read, or to unpack. The transport's thread has others to serve
 * meanwhile.
 */
final class LargeFrame implements Arrived {
  private final byte[] bytes;
  private final boolean packed;
  private final FrameMarshaller reader;

  /**
   * A frame that this marshaller is to read later.
   *
   * @param bytes as they came
   * @param packed whether they are compressed
   */
  LargeFrame(byte[] bytes, boolean packed, FrameMarshaller reader) {
    this.bytes = bytes;
    this.packed = packed;
    this.reader = reader;
  }

  /** How much it takes in memory while it waits. */
  int size() {
    return bytes.length;
  }

  Frame read() {
    Frame frame = packed ? reader.unpack(bytes) : Frame.of(bytes);
    frame.read(); // Here, and not on the thread that wants to know what it says.
    return frame;
  }
}
