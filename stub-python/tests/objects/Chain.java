import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.stub.DurableObjectStub;
import io.grpc.stub.StreamObserver;

/**
 * Objects of the namespace CHAIN are counters that only pass on what they are told, in their turn:
 * one that is told to add 2 has the one whose name is by a {@code +} longer add 1. The one that is
 * told to add 0 throws.
 */
public final class Chain implements DurableObjectProvider {
  @Override
  public void addTo(DurableObjectHost.Builder host) {
    host.namespace("CHAIN", CounterGrpc.getServiceDescriptor(), Link::new);
  }

  private static final class Link extends CounterGrpc.CounterImplBase {
    private final DurableObjectState state;

    Link(DurableObjectState state) {
      this.state = state;
    }

    @Override
    public void increment(IncrementRequest request, StreamObserver<CounterValue> reply) {
      long amount = request.getAmount();
      if (amount == 0) {
        throw new IllegalArgumentException("0, expected more");
      }
      if (amount > 1) {
        String next = state.name().orElseThrow() + "+";
        try (DurableObjectStub stub = state.objects().namespace("CHAIN").getByName(next)) {
          var unused =
              CounterGrpc.newBlockingStub(stub.channel())
                  .increment(IncrementRequest.newBuilder().setAmount(amount - 1).build());
        }
      }
      reply.onNext(CounterValue.newBuilder().setValue(amount).build());
      reply.onCompleted();
    }
  }
}
