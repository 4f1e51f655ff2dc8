package dev.seriatim.examples;

import com.google.protobuf.Int64Value;
import dev.seriatim.examples.v1.AccountGrpc;
import dev.seriatim.examples.v1.Balance;
import dev.seriatim.examples.v1.Delivery;
import dev.seriatim.examples.v1.DepositRequest;
import dev.seriatim.examples.v1.GetBalanceRequest;
import dev.seriatim.examples.v1.ReceiveRequest;
import dev.seriatim.examples.v1.ReceiveResponse;
import dev.seriatim.examples.v1.TransferRequest;
import dev.seriatim.service.AlarmHandler;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.ListOptions;
import dev.seriatim.stub.DurableObjectStub;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * An account that can't be overdrawn, with transfers to others.
 *
 * <p>A transfer is two turns on two objects, and the host may die between them. So the first turn
 * takes the money and writes down where it must go, both or neither. The alarm then delivers it, as
 * often as that takes, and the receiver counts each number of a sender once.
 */
final class Account extends AccountGrpc.AccountImplBase implements AlarmHandler {
  private static final String BALANCE = "balance";
  private static final String SENT = "sent";
  private static final String RECEIVED = "received/";
  private static final ListOptions DELIVERIES = ListOptions.all().prefix("delivery/");

  private final DurableObjectState state;
  private final DurableObjectStorage storage;

  Account(DurableObjectState state) {
    this.state = state;
    storage = state.storage();
  }

  @Override
  public void deposit(DepositRequest request, StreamObserver<Balance> reply) {
    requirePositive(request.getAmount());
    put(BALANCE, Math.addExact(get(BALANCE), request.getAmount()));
    answer(reply);
  }

  @Override
  public void transfer(TransferRequest request, StreamObserver<Balance> reply) {
    requirePositive(request.getAmount());
    requireOther(request.getTo());
    long balance = get(BALANCE);
    if (balance < request.getAmount()) {
      throw Status.FAILED_PRECONDITION
          .withDescription("balance " + balance + ", expected at least " + request.getAmount())
          .asRuntimeException();
    }
    long number = get(SENT) + 1;
    put(BALANCE, balance - request.getAmount());
    put(SENT, number);
    storage.put(
        "%s%016d".formatted(DELIVERIES.prefix(), number),
        Delivery.newBuilder()
            .setTo(request.getTo())
            .setRequest(
                ReceiveRequest.newBuilder()
                    .setSender(state.id().toString())
                    .setNumber(number)
                    .setAmount(request.getAmount()))
            .build());
    storage.setAlarm(Instant.now());
    answer(reply);
  }

  @Override
  public void getBalance(GetBalanceRequest request, StreamObserver<Balance> reply) {
    answer(reply);
  }

  @Override
  public void receive(ReceiveRequest request, StreamObserver<ReceiveResponse> reply) {
    String sender = RECEIVED + request.getSender();
    if (request.getNumber() > get(sender)) {
      put(sender, request.getNumber());
      put(BALANCE, Math.addExact(get(BALANCE), request.getAmount()));
    }
    reply.onNext(ReceiveResponse.getDefaultInstance());
    reply.onCompleted();
  }

  /** Delivers what has waited for longest. */
  @Override
  public void alarm(DueAlarm alarm) {
    for (Map.Entry<String, Delivery> next :
        storage.list(DELIVERIES.limit(1), Delivery.parser()).entrySet()) {
      if (deliver(next.getValue())) {
        storage.delete(next.getKey());
        storage.setAlarm(Instant.now());
      } else {
        storage.setAlarm(Instant.now().plusMillis(ThreadLocalRandom.current().nextInt(100, 2_000)));
      }
    }
  }

  private boolean deliver(Delivery delivery) {
    try (DurableObjectStub stub =
        state.objects().namespace("ACCOUNT").getByName(delivery.getTo())) {
      // The receiver may be waiting for this account in turn: the deadline ends that.
      var _ =
          AccountGrpc.newBlockingStub(stub.channel())
              .withDeadlineAfter(1, TimeUnit.SECONDS)
              .receive(delivery.getRequest());
      return true;
    } catch (StatusRuntimeException e) {
      return false;
    }
  }

  private void requireOther(String name) {
    try {
      if (state.objects().namespace("ACCOUNT").idFromName(name).equals(state.id())) {
        throw invalid("account '" + name + "' is this one, expected another");
      }
    } catch (IllegalArgumentException e) {
      throw invalid("account: " + e.getMessage());
    }
  }

  private static void requirePositive(long amount) {
    if (amount <= 0) {
      throw invalid("amount " + amount + ", expected more than 0");
    }
  }

  private static StatusRuntimeException invalid(String message) {
    return Status.INVALID_ARGUMENT.withDescription(message).asRuntimeException();
  }

  private void answer(StreamObserver<Balance> reply) {
    long undelivered = 0;
    for (Delivery delivery : storage.list(DELIVERIES, Delivery.parser()).values()) {
      undelivered += delivery.getRequest().getAmount();
    }
    reply.onNext(Balance.newBuilder().setAmount(get(BALANCE)).setUndelivered(undelivered).build());
    reply.onCompleted();
  }

  private long get(String key) {
    return storage.get(key, Int64Value.getDefaultInstance()).getValue();
  }

  private void put(String key, long value) {
    storage.put(key, Int64Value.of(value));
  }
}
