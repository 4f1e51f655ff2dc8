package dev.seriatim.examples;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import com.google.protobuf.Int64Value;
import dev.seriatim.examples.v1.AppendRequest;
import dev.seriatim.examples.v1.AppendResponse;
import dev.seriatim.examples.v1.JournalGrpc;
import dev.seriatim.examples.v1.ReadRequest;
import dev.seriatim.examples.v1.ReadResponse;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.DurableObjectStorage;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * An append-only list of lines. Whoever reads it sees in which order the calls were executed;
 * {@link JournalClient} does.
 */
final class Journal extends JournalGrpc.JournalImplBase {
  private static final String LENGTH = "length";
  private static final int MAX_LINE_BYTES = 64 << 10;
  private static final int MAX_READ_LINES = 1_000;
  private static final int MAX_READ_BYTES = 1 << 20;
  private static final int LINES_AT_ONCE = 100;

  private final DurableObjectStorage storage;
  private long length;

  Journal(DurableObjectState state) {
    storage = state.storage();
    length = storage.get(LENGTH, Int64Value.getDefaultInstance()).getValue();
  }

  @Override
  public void append(AppendRequest request, StreamObserver<AppendResponse> reply) {
    int bytes = request.getLineBytes().size();
    if (bytes < 1 || bytes > MAX_LINE_BYTES) {
      throw invalid("line of " + bytes + " bytes, expected 1 to " + MAX_LINE_BYTES);
    }
    // A turn that wrote and then failed takes its instance with it, so the field can't be wrong.
    length++;
    storage.put(key(length), request.getLineBytes());
    storage.put(LENGTH, Int64Value.of(length));
    reply.onNext(AppendResponse.newBuilder().setIndex(length).build());
    reply.onCompleted();
  }

  @Override
  public void read(ReadRequest request, StreamObserver<ReadResponse> reply) {
    if (request.getFrom() < 0) {
      throw invalid("from " + request.getFrom() + ", expected 0 or more");
    }
    if (request.getLimit() < 0) {
      throw invalid("limit " + request.getLimit() + ", expected 0 or more");
    }
    long next = Math.max(1, request.getFrom());
    long end =
        Math.min(length, next - 1 + limit(request)); // The last that fits, but for its bytes.
    ReadResponse.Builder response = ReadResponse.newBuilder();
    int bytes = 0;
    while (next <= end && bytes <= MAX_READ_BYTES) {
      // Some at a time: the store is asked once for all of them.
      List<String> keys =
          LongStream.rangeClosed(next, Math.min(end, next + LINES_AT_ONCE - 1))
              .mapToObj(Journal::key)
              .toList();
      Map<String, ByteString> lines = storage.get(keys);
      for (String key : keys) {
        ByteString line = requireNonNull(lines.get(key), key);
        bytes += line.size();
        if (bytes > MAX_READ_BYTES) {
          break;
        }
        response.addLinesBytes(line);
        next++;
      }
    }
    reply.onNext(response.setNext(next).build());
    reply.onCompleted();
  }

  private static int limit(ReadRequest request) {
    int wanted = request.getLimit();
    return wanted == 0 ? MAX_READ_LINES : Math.min(wanted, MAX_READ_LINES);
  }

  private static String key(long index) {
    return "line/" + index;
  }

  private static StatusRuntimeException invalid(String message) {
    return Status.INVALID_ARGUMENT.withDescription(message).asRuntimeException();
  }
}
