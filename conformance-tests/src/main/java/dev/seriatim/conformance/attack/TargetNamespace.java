package dev.seriatim.conformance.attack;

import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import dev.seriatim.attack.v1.EchoRequest;
import dev.seriatim.attack.v1.EchoResponse;
import dev.seriatim.attack.v1.PutRequest;
import dev.seriatim.attack.v1.PutResponse;
import dev.seriatim.attack.v1.TakeRequest;
import dev.seriatim.attack.v1.TakeResponse;
import dev.seriatim.attack.v1.TargetGrpc;
import dev.seriatim.attack.v1.WorkRequest;
import dev.seriatim.attack.v1.WorkResponse;
import dev.seriatim.service.DurableObjectFactory;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import dev.seriatim.service.DurableObjectState;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.locks.LockSupport;

/** The namespace that is attacked. It is there only if it is asked for. */
public final class TargetNamespace implements DurableObjectProvider {
  /** The namespace's name. */
  static final String NAME = "TARGET";

  /** The system property that asks for it. */
  static final String PROPERTY = "seriatim.attack.target";

  /** Makes targets. */
  static final DurableObjectFactory FACTORY = Target::new;

  /** For {@link java.util.ServiceLoader}. */
  public TargetNamespace() {}

  @Override
  public void addTo(DurableObjectHost.Builder host) {
    if (Boolean.getBoolean(PROPERTY)) {
      host.namespace(NAME, TargetGrpc.getServiceDescriptor(), FACTORY);
    }
  }

  private static final class Target extends TargetGrpc.TargetImplBase {
    private final DurableObjectState state;

    Target(DurableObjectState state) {
      this.state = state;
    }

    @Override
    public void echo(EchoRequest request, StreamObserver<EchoResponse> reply) {
      answer(
          reply,
          EchoResponse.newBuilder()
              .setPayload(ByteString.copyFrom(new byte[request.getReplyBytes()]))
              .build());
    }

    @Override
    public void put(PutRequest request, StreamObserver<PutResponse> reply) {
      state.storage().put("value", request.getValue());
      answer(reply, PutResponse.getDefaultInstance());
    }

    @Override
    public void work(WorkRequest request, StreamObserver<WorkResponse> reply) {
      long end = System.nanoTime() + Durations.toNanos(request.getDuration());
      while (System.nanoTime() - end < 0) {
        if (request.getSleep()) {
          LockSupport.parkNanos(end - System.nanoTime());
          boolean _ = Thread.interrupted();
        } else {
          Thread.onSpinWait();
        }
      }
      answer(reply, WorkResponse.getDefaultInstance());
    }

    @Override
    public void take(TakeRequest request, StreamObserver<TakeResponse> reply) {
      answer(reply, TakeResponse.getDefaultInstance());
    }

    private static <M> void answer(StreamObserver<M> reply, M response) {
      reply.onNext(response);
      reply.onCompleted();
    }
  }
}
