package dev.seriatim.benchmarks;

import com.google.protobuf.Int64Value;
import dev.seriatim.benchmarks.v1.BenchGrpc;
import dev.seriatim.benchmarks.v1.Payload;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.DurableObjectStorage;
import io.grpc.stub.StreamObserver;
import java.util.stream.IntStream;

/** An object whose {@code Increment} writes under another key each time, of 4,096 in turn. */
final class RowsObject extends BenchGrpc.BenchImplBase {
  static final String NAMESPACE = "ROWS";

  private static final String[] KEYS =
      IntStream.range(0, 4096).mapToObj(i -> "key-" + i).toArray(String[]::new);

  private final DurableObjectStorage storage;
  private long value;

  RowsObject(DurableObjectState state) {
    storage = state.storage();
  }

  @Override
  public void increment(Payload request, StreamObserver<Payload> reply) {
    value++;
    storage.put(key(value), Int64Value.of(value));
    reply.onNext(request);
    reply.onCompleted();
  }

  /** Where a value is kept. */
  static String key(long value) {
    return KEYS[(int) (value % KEYS.length)];
  }
}
