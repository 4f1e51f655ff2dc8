package dev.seriatim.examples;

import com.google.common.base.Utf8;
import dev.seriatim.examples.v1.AppendRequest;
import dev.seriatim.examples.v1.AppendResponse;
import dev.seriatim.examples.v1.JournalGrpc;
import dev.seriatim.examples.v1.ReadRequest;
import dev.seriatim.examples.v1.ReadResponse;
import dev.seriatim.service.DurableObjectState;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;

/**
 * An append-only list of lines. Whoever reads it sees in which order the calls were executed;
 * {@link JournalClient} does.
 */
final class Journal extends JournalGrpc.JournalImplBase {
  private static final int MAX_LINE_BYTES = 64 << 10;
  private static final int MAX_READ_LINES = 1_000;
  private static final int MAX_READ_BYTES = 1 << 20;

  private final List<String> lines = new ArrayList<>();

  Journal(DurableObjectState state) {}

  @Override
  public void append(AppendRequest request, StreamObserver<AppendResponse> reply) {
    int bytes = request.getLineBytes().size();
    if (bytes < 1 || bytes > MAX_LINE_BYTES) {
      throw invalid("line of " + bytes + " bytes, expected 1 to " + MAX_LINE_BYTES);
    }
    lines.add(request.getLine());
    reply.onNext(AppendResponse.newBuilder().setIndex(lines.size()).build());
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
    int limit = request.getLimit() == 0 ? MAX_READ_LINES : request.getLimit();
    long next = Math.max(1, request.getFrom());
    ReadResponse.Builder response = ReadResponse.newBuilder();
    int bytes = 0;
    while (response.getLinesCount() < Math.min(limit, MAX_READ_LINES) && next <= lines.size()) {
      String line = lines.get((int) next - 1);
      bytes += Utf8.encodedLength(line);
      if (bytes > MAX_READ_BYTES) {
        break;
      }
      response.addLines(line);
      next++;
    }
    reply.onNext(response.setNext(next).build());
    reply.onCompleted();
  }

  private static StatusRuntimeException invalid(String message) {
    return Status.INVALID_ARGUMENT.withDescription(message).asRuntimeException();
  }
}
