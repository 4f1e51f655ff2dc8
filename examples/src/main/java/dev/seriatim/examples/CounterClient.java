package dev.seriatim.examples;

import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.InsecureChannelCredentials;
import io.grpc.StatusRuntimeException;
import java.io.PrintStream;

/** Counts with a blocking stub, and shows what a failed call tells. */
public final class CounterClient {
  private CounterClient() {}

  /** Runs against the server at the address that is the one argument. */
  public static void main(String[] arguments) {
    if (arguments.length != 1) {
      System.err.println("usage: CounterClient HOST:PORT");
      System.exit(2);
    }
    try (DurableObjects objects =
        DurableObjects.connect(arguments[0], InsecureChannelCredentials.create())) {
      count(objects.namespace("COUNTER"), "bar", System.out);
    }
  }

  static void count(DurableObjectNamespace counters, String name, PrintStream out) {
    try (DurableObjectStub stub = counters.getByName(name)) {
      CounterGrpc.CounterBlockingStub counter = CounterGrpc.newBlockingStub(stub.channel());
      out.println(counter.increment(by(5)).getValue());
      out.println(counter.increment(by(2)).getValue());
      out.println(counter.increment(by(0)).getValue());
    } catch (StatusRuntimeException e) {
      CallFailure failure = CallFailure.of(e).orElseThrow(() -> e);
      out.println(failure.fate() + ", " + failure.failureCause());
    }
  }

  private static IncrementRequest by(long amount) {
    return IncrementRequest.newBuilder().setAmount(amount).build();
  }
}
