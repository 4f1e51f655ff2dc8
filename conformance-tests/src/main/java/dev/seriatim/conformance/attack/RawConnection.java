package dev.seriatim.conformance.attack;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * An HTTP/2 connection that says whatever it is told, also what no gRPC library would: half a
 * message, a reset a moment later, nothing at all. It keeps to the host's flow control,
 * acknowledges settings and answers pings, so that the host has no reason to end it but what it is
 * told to say.
 *
 * <p>Safe for any number of threads; a thread of its own reads.
 */
final class RawConnection implements Closeable {
  static final int DATA = 0;
  static final int HEADERS = 1;
  static final int RST_STREAM = 3;
  static final int SETTINGS = 4;
  static final int PING = 6;
  static final int GOAWAY = 7;
  static final int WINDOW_UPDATE = 8;

  private static final int END_STREAM = 1;
  private static final int ACK = 1;
  private static final int END_HEADERS = 4;
  private static final int INITIAL_WINDOW_SETTING = 4;
  private static final int DEFAULT_WINDOW = 65_535;
  private static final int MAX_FRAME = 16_384;
  private static final byte[] PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(US_ASCII);

  private final Socket socket;
  private final boolean reads;
  private final boolean settles;
  private final DataOutputStream out;

  @GuardedBy("this")
  private int lastStream = -1;

  @GuardedBy("this")
  private int initialWindow = DEFAULT_WINDOW;

  @GuardedBy("this")
  private long window = DEFAULT_WINDOW;

  @GuardedBy("this")
  private final Map<Integer, RawStream> streams = new HashMap<>();

  @GuardedBy("this")
  private int resets;

  @GuardedBy("this")
  private boolean goneAway;

  @GuardedBy("this")
  private boolean ended;

  private RawConnection(Socket socket, boolean reads, boolean settles) throws IOException {
    this.socket = socket;
    this.reads = reads;
    this.settles = settles;
    out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream(), 1 << 16));
  }

  /** A connection that reads what it gets. */
  static RawConnection open(int port) throws IOException {
    return open(port, /* reads= */ true);
  }

  /**
   * A connection.
   *
   * @param reads whether the host may send more on a stream than fits into its first window
   */
  static RawConnection open(int port, boolean reads) throws IOException {
    return open(port, reads, /* settles= */ true);
  }

  /** One that never says that it has the host's settings: so it needn't keep to them yet. */
  static RawConnection openUnsettled(int port) throws IOException {
    return open(port, /* reads= */ true, /* settles= */ false);
  }

  private static RawConnection open(int port, boolean reads, boolean settles) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setTcpNoDelay(true);
    RawConnection connection = new RawConnection(socket, reads, settles);
    connection.begin();
    Thread.ofVirtual().name("raw-connection").start(connection::read);
    return connection;
  }

  private synchronized void begin() throws IOException {
    out.write(PREFACE);
    writeHead(0, SETTINGS, 0, 0);
    out.flush();
  }

  // ---- what is said

  /** Opens a stream for a gRPC call of this method, with these headers more. */
  RawStream call(String method, String... headers) throws IOException {
    String[] all = new String[12 + headers.length];
    String[] first = {
      ":method",
      "POST",
      ":scheme",
      "http",
      ":path",
      "/" + method,
      ":authority",
      "localhost",
      "te",
      "trailers",
      "content-type",
      "application/grpc"
    };
    System.arraycopy(first, 0, all, 0, first.length);
    System.arraycopy(headers, 0, all, first.length, headers.length);
    return stream(all);
  }

  /** Opens a stream with these headers and no others: names and values. */
  synchronized RawStream stream(String... headers) throws IOException {
    lastStream += 2;
    RawStream stream = new RawStream(this, lastStream, initialWindow);
    streams.put(lastStream, stream);
    byte[] block = headerBlock(headers);
    frame(HEADERS, END_HEADERS, lastStream, block);
    return stream;
  }

  /** Fields that stand for themselves, without Huffman's code and any table. */
  private static byte[] headerBlock(String... headers) {
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    for (int i = 0; i < headers.length; i++) {
      if (i % 2 == 0) {
        block.write(0);
      }
      byte[] text = headers[i].getBytes(US_ASCII);
      writeLength(block, text.length);
      block.writeBytes(text);
    }
    return block.toByteArray();
  }

  private static void writeLength(ByteArrayOutputStream block, int length) {
    int most = 0x7f;
    if (length < most) {
      block.write(length);
      return;
    }
    block.write(most);
    int rest = length - most;
    for (; rest >= 0x80; rest >>>= 7) {
      block.write((rest & 0x7f) | 0x80);
    }
    block.write(rest);
  }

  /** Sends a frame as it is. */
  synchronized void frame(int type, int flags, int stream, byte[] payload) throws IOException {
    writeHead(payload.length, type, flags, stream);
    out.write(payload);
    out.flush();
  }

  /** Sends bytes that are meant to be no frame. */
  synchronized void bytes(byte[] bytes) throws IOException {
    out.write(bytes);
    out.flush();
  }

  @GuardedBy("this")
  private void writeHead(int length, int type, int flags, int stream) throws IOException {
    out.writeByte(length >>> 16);
    out.writeShort(length);
    out.writeByte(type);
    out.writeByte(flags);
    out.writeInt(stream);
  }

  void reset(RawStream stream) throws IOException {
    frame(RST_STREAM, 0, stream.id(), new byte[] {0, 0, 0, 8});
    forget(stream);
  }

  private synchronized void forget(RawStream stream) {
    streams.remove(stream.id());
  }

  void ping() throws IOException {
    frame(PING, 0, 0, new byte[8]);
  }

  /**
   * Sends data, as fast as the host's flow control lets it.
   *
   * @return how much was sent before the patience ran out, or the stream or the connection ended
   */
  int data(RawStream stream, byte[] bytes, int from, int length, long patienceMillis)
      throws IOException {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(patienceMillis);
    int sent = 0;
    while (sent < length) {
      int next = awaitRoom(stream, Math.min(MAX_FRAME, length - sent), end);
      if (next == 0) {
        break;
      }
      synchronized (this) {
        writeHead(next, DATA, 0, stream.id());
        out.write(bytes, from + sent, next);
        out.flush();
      }
      sent += next;
    }
    return sent;
  }

  void endStream(RawStream stream) throws IOException {
    frame(DATA, END_STREAM, stream.id(), new byte[0]);
  }

  /** Takes room in both windows: as much as is wanted, or what there is; 0 if none came in time. */
  private synchronized int awaitRoom(RawStream stream, int wanted, long endNanos)
      throws IOException {
    while (!ended && !stream.isOver()) {
      int room = (int) Math.min(wanted, Math.min(window, stream.window));
      if (room > 0) {
        window -= room;
        stream.window -= room;
        return room;
      }
      long millis = TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime());
      if (millis <= 0) {
        return 0;
      }
      try {
        wait(millis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
    }
    return 0;
  }

  // ---- what is heard

  private void read() {
    try (DataInputStream in = new DataInputStream(socket.getInputStream())) {
      while (true) {
        int length = (in.readUnsignedByte() << 16) | in.readUnsignedShort();
        int type = in.readUnsignedByte();
        int flags = in.readUnsignedByte();
        int stream = in.readInt() & Integer.MAX_VALUE;
        heard(type, flags, stream, in.readNBytes(length));
      }
    } catch (IOException e) {
      // The host or this side has closed it.
    } finally {
      synchronized (this) {
        ended = true;
        notifyAll();
      }
    }
  }

  private synchronized void heard(int type, int flags, int id, byte[] payload) throws IOException {
    RawStream stream = streams.get(id);
    switch (type) {
      case DATA -> heardData(stream, payload);
      case RST_STREAM -> resets++;
      case SETTINGS -> {
        if ((flags & ACK) == 0) {
          applySettings(payload);
          if (settles) {
            frame(SETTINGS, ACK, 0, new byte[0]);
          }
        }
      }
      case PING -> {
        if ((flags & ACK) == 0) {
          frame(PING, ACK, 0, payload);
        }
      }
      case GOAWAY -> goneAway = true;
      case WINDOW_UPDATE -> {
        int more = integer(payload, 0);
        if (id == 0) {
          window += more;
        } else if (stream != null) {
          stream.window += more;
        }
      }
      default -> {}
    }
    boolean over = type == RST_STREAM || ((type == DATA || type == HEADERS) && (flags & 1) != 0);
    if (over && stream != null) {
      stream.over();
      streams.remove(id);
    }
    notifyAll();
  }

  @GuardedBy("this")
  private void heardData(@org.jspecify.annotations.Nullable RawStream stream, byte[] payload)
      throws IOException {
    if (stream != null) {
      stream.received(payload);
    }
    if (reads && payload.length > 0) {
      byte[] more = {
        (byte) (payload.length >>> 24),
        (byte) (payload.length >>> 16),
        (byte) (payload.length >>> 8),
        (byte) payload.length
      };
      frame(WINDOW_UPDATE, 0, 0, more);
      if (stream != null) {
        frame(WINDOW_UPDATE, 0, stream.id(), more);
      }
    }
  }

  @GuardedBy("this")
  private void applySettings(byte[] payload) {
    for (int at = 0; at + 6 <= payload.length; at += 6) {
      if (((payload[at] << 8) | payload[at + 1]) == INITIAL_WINDOW_SETTING) {
        int told = integer(payload, at + 2);
        for (RawStream stream : streams.values()) {
          stream.window += told - initialWindow;
        }
        initialWindow = told;
      }
    }
  }

  private static int integer(byte[] bytes, int at) {
    return (bytes[at] & 0xff) << 24
        | (bytes[at + 1] & 0xff) << 16
        | (bytes[at + 2] & 0xff) << 8
        | (bytes[at + 3] & 0xff);
  }

  /** How many streams the host has reset. */
  synchronized int resets() {
    return resets;
  }

  /** Whether the host has said that it will go away, or has gone. */
  synchronized boolean isOver() {
    return goneAway || ended;
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      // It is closed.
    }
  }
}
