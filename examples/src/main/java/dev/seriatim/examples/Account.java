package dev.seriatim.examples;

import static com.google.common.util.concurrent.MoreExecutors.directExecutor;
import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.mapping;
import static java.util.stream.Collectors.toList;
import static java.util.stream.Collectors.toSet;

import com.google.common.math.LongMath;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.Int64Value;
import dev.seriatim.examples.v1.AccountGrpc;
import dev.seriatim.examples.v1.AccountGrpc.AccountFutureStub;
import dev.seriatim.examples.v1.Balance;
import dev.seriatim.examples.v1.Delivery;
import dev.seriatim.examples.v1.DepositRequest;
import dev.seriatim.examples.v1.GetBalanceRequest;
import dev.seriatim.examples.v1.ReceiveRequest;
import dev.seriatim.examples.v1.ReceiveResponse;
import dev.seriatim.examples.v1.SettleRequest;
import dev.seriatim.examples.v1.SettleResponse;
import dev.seriatim.examples.v1.Settlement;
import dev.seriatim.examples.v1.TransferRequest;
import dev.seriatim.service.AlarmHandler;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.ListOptions;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjectStub;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An account that can't be overdrawn, with transfers to others.
 *
 * <p>A transfer is two turns on two objects, and the host may die between them. So the first turn
 * takes the money and writes down where it must go, both or neither. The alarm then sends it, as
 * often as that takes, and the receiver counts each number of a sender once.
 *
 * <p>No turn waits for another account, since that one may be waiting for this one: the alarm sends
 * and ends, and what was answered comes back as a call on this account itself. All that goes to one
 * receiver goes through one stub, in order.
 */
final class Account extends AccountGrpc.AccountImplBase implements AlarmHandler {
  private static final Logger LOGGER = LoggerFactory.getLogger(Account.class);

  private static final String BALANCE = "balance";
  private static final String SENT = "sent";
  private static final String RECEIVED = "received/";
  private static final String REFUSED = "refused/";
  private static final ListOptions DELIVERIES = ListOptions.all().prefix("delivery/");
  private static final int MAX_DELIVERIES = 1_000;

  private final DurableObjectState state;
  private final DurableObjectStorage storage;

  /** The numbers of the deliveries that were sent and not settled. Any thread. */
  private final Set<Long> underWay = ConcurrentHashMap.newKeySet();

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
    if (storage.list(DELIVERIES.limit(MAX_DELIVERIES)).size() == MAX_DELIVERIES) {
      throw Status.RESOURCE_EXHAUSTED
          .withDescription(MAX_DELIVERIES + " deliveries are under way, expected fewer")
          .asRuntimeException();
    }
    long number = get(SENT) + 1;
    put(BALANCE, balance - request.getAmount());
    put(SENT, number);
    storage.put(
        key(number),
        Delivery.newBuilder()
            .setTo(request.getTo())
            .setRequest(
                ReceiveRequest.newBuilder()
                    .setSender(state.id().toString())
                    .setNumber(number)
                    .setAmount(request.getAmount()))
            .build());
    storage.setAlarm(state.clock().instant());
    answer(reply);
  }

  @Override
  public void getBalance(GetBalanceRequest request, StreamObserver<Balance> reply) {
    answer(reply);
  }

  @Override
  public void receive(ReceiveRequest request, StreamObserver<ReceiveResponse> reply) {
    String received = RECEIVED + request.getSender();
    String refused = REFUSED + request.getSender();
    if (request.getNumber() > get(received)) {
      put(received, request.getNumber());
      OptionalLong sum = sum(get(BALANCE), request.getAmount());
      if (sum.isPresent()) {
        put(BALANCE, sum.getAsLong());
      } else {
        put(refused, request.getNumber());
      }
    }
    // What comes again is answered as it was.
    ReceiveResponse.Builder response = ReceiveResponse.newBuilder();
    if (get(refused) == request.getNumber()) {
      response.setRefusal("the account can't hold %,d more".formatted(request.getAmount()));
    }
    reply.onNext(response.build());
    reply.onCompleted();
  }

  private boolean isUnderWay(Delivery delivery) {
    return underWay.contains(delivery.getRequest().getNumber());
  }

  /** Sends to each receiver what there is, unless something is under way to it. */
  @Override
  public void alarm(DueAlarm alarm) {
    Collection<Delivery> deliveries = storage.list(DELIVERIES, Delivery.parser()).values();
    // Between stubs there is no order, and a receiver takes what is overtaken for a repetition.
    Set<String> busy =
        deliveries.stream().filter(this::isUnderWay).map(Delivery::getTo).collect(toSet());
    Map<String, List<ReceiveRequest>> byReceiver =
        deliveries.stream()
            .filter(delivery -> !busy.contains(delivery.getTo()))
            .collect(
                groupingBy(
                    Delivery::getTo, LinkedHashMap::new, mapping(Delivery::getRequest, toList())));
    byReceiver.forEach(this::send);
    // Should no answer come, or be lost on its way.
    if (!deliveries.isEmpty()) {
      storage.setAlarm(
          state.clock().instant().plusMillis(ThreadLocalRandom.current().nextInt(1_000, 3_000)));
    }
  }

  private void send(String to, List<ReceiveRequest> requests) {
    List<ListenableFuture<ReceiveResponse>> answers = new ArrayList<>();
    try (DurableObjectStub stub = state.objects().namespace("ACCOUNT").getByName(to)) {
      AccountFutureStub receiver = AccountGrpc.newFutureStub(stub.channel());
      for (ReceiveRequest request : requests) {
        underWay.add(request.getNumber());
        answers.add(receiver.receive(request));
      }
    }
    var _ =
        Futures.whenAllComplete(answers)
            .run(() -> answered(to, requests, answers), directExecutor());
  }

  /** On whatever thread the last answer comes. It isn't in a turn, so it calls. */
  private void answered(
      String to, List<ReceiveRequest> requests, List<ListenableFuture<ReceiveResponse>> answers) {
    SettleRequest.Builder settled = SettleRequest.newBuilder();
    for (int i = 0; i < requests.size(); i++) {
      long number = requests.get(i).getNumber();
      try {
        String refusal = Futures.getDone(answers.get(i)).getRefusal();
        settled.addSettlements(Settlement.newBuilder().setNumber(number).setRefusal(refusal));
      } catch (ExecutionException e) {
        underWay.remove(number);
        LOGGER
            .atInfo()
            .addKeyValue("object", name())
            .addKeyValue("to", to)
            .addKeyValue("delivery", number)
            .log("a delivery is sent again later: {}", String.valueOf(e.getCause()));
      }
    }
    if (settled.getSettlementsCount() == 0) {
      return;
    }
    DurableObjectId self = state.id();
    try (DurableObjectStub stub = state.objects().namespace("ACCOUNT").get(self)) {
      AccountGrpc.newFutureStub(stub.channel())
          .settle(settled.build())
          .addListener(() -> settled.getSettlementsList().forEach(this::ended), directExecutor());
    }
  }

  private void ended(Settlement settlement) {
    underWay.remove(settlement.getNumber());
  }

  @Override
  public void settle(SettleRequest request, StreamObserver<SettleResponse> reply) {
    for (Settlement settlement : request.getSettlementsList()) {
      storage
          .get(key(settlement.getNumber()), Delivery.parser())
          .ifPresent(delivery -> settle(settlement, delivery));
    }
    Collection<Delivery> left = storage.list(DELIVERIES, Delivery.parser()).values();
    if (left.isEmpty()) {
      storage.deleteAlarm();
    } else if (!left.stream().allMatch(this::isUnderWay)) {
      storage.setAlarm(state.clock().instant()); // It has waited for this.
    }
    reply.onNext(SettleResponse.getDefaultInstance());
    reply.onCompleted();
  }

  private void settle(Settlement settlement, Delivery delivery) {
    if (!settlement.getRefusal().isEmpty()) {
      OptionalLong sum = sum(get(BALANCE), delivery.getRequest().getAmount());
      LOGGER
          .atWarn()
          .addKeyValue("object", name())
          .addKeyValue("to", delivery.getTo())
          .addKeyValue("delivery", settlement.getNumber())
          .log(
              "a delivery was refused, and {}: {}",
              sum.isPresent() ? "is back" : "can't come back yet",
              settlement.getRefusal());
      if (sum.isEmpty()) {
        return;
      }
      put(BALANCE, sum.getAsLong());
    }
    storage.delete(key(settlement.getNumber()));
  }

  private String name() {
    return "account " + state.name().orElseGet(() -> "id:" + state.id());
  }

  /** Empty if it would be more than an account can hold. */
  private static OptionalLong sum(long balance, long amount) {
    long sum = LongMath.saturatedAdd(balance, amount);
    return sum - amount == balance ? OptionalLong.of(sum) : OptionalLong.empty();
  }

  private static String key(long number) {
    return "%s%016d".formatted(DELIVERIES.prefix(), number);
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
