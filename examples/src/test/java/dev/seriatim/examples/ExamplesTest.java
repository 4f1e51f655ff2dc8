package dev.seriatim.examples;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.protobuf.util.Durations;
import dev.seriatim.examples.v1.AccountGrpc;
import dev.seriatim.examples.v1.AddReminderRequest;
import dev.seriatim.examples.v1.AppendRequest;
import dev.seriatim.examples.v1.Balance;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.CounterValue;
import dev.seriatim.examples.v1.DepositRequest;
import dev.seriatim.examples.v1.GetBalanceRequest;
import dev.seriatim.examples.v1.GetRequest;
import dev.seriatim.examples.v1.IncrementRequest;
import dev.seriatim.examples.v1.JournalGrpc;
import dev.seriatim.examples.v1.ListRemindersRequest;
import dev.seriatim.examples.v1.ReadRequest;
import dev.seriatim.examples.v1.ReadResponse;
import dev.seriatim.examples.v1.ReceiveRequest;
import dev.seriatim.examples.v1.ReceiveResponse;
import dev.seriatim.examples.v1.ReminderGrpc;
import dev.seriatim.examples.v1.Reminders;
import dev.seriatim.examples.v1.Reminding;
import dev.seriatim.examples.v1.TransferRequest;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.Retry;
import dev.seriatim.testing.HeldCommits;
import dev.seriatim.testing.SeriatimExtension;
import dev.seriatim.testing.TestSeriatim;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The objects of the examples, on a real host, in process, through real stubs. */
final class ExamplesTest {
  @RegisterExtension static final SeriatimExtension SERIATIM = SeriatimExtension.of(new Examples());

  private TestSeriatim host;

  @BeforeEach
  void begin(TestSeriatim started) {
    host = started;
  }

  @Test
  void counterAddsUp() {
    CounterGrpc.CounterBlockingStub counter = counter("a");
    assertThat(increment(counter, 5)).isEqualTo(5);
    assertThat(increment(counter, -7)).isEqualTo(-2);
    assertThat(valueOf(counter)).isEqualTo(-2);
    assertThat(valueOf(counter("b"))).isEqualTo(0);
  }

  @Test
  void counterRefusesZeroAndKeepsItsValue() {
    CounterGrpc.CounterBlockingStub counter = counter("a");
    assertThat(increment(counter, 5)).isEqualTo(5);
    assertInvalid(() -> increment(counter, 0), "amount 0");
    assertInvalid(() -> increment(counter, 1), "amount 0");
    assertThat(increment(counter("a"), 1)).isEqualTo(6);
  }

  @Test
  void counterDoesNotWrapAround() {
    CounterGrpc.CounterBlockingStub counter = counter("a");
    assertThat(increment(counter, Long.MAX_VALUE)).isEqualTo(Long.MAX_VALUE);
    assertThrows(StatusRuntimeException.class, () -> increment(counter, 1));
    assertThat(valueOf(counter("a"))).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void counterClientSeesItsFailure() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream print = new PrintStream(out, true, StandardCharsets.UTF_8);
    CounterClient.count(host.objects().namespace("COUNTER"), "a", print);
    assertThat(out.toString(StandardCharsets.UTF_8).lines().toList())
        .containsExactly(
            "5",
            "7",
            "NOT_EXECUTED, INVALID_ARGUMENT OBJECT_EXCEPTION: amount 0, expected any other number")
        .inOrder();
  }

  @Test
  void counterIsCalledAgainWhereThatIsSafe() throws Exception {
    DurableObjectNamespace counters = host.objects().namespace("COUNTER");
    IncrementRequest request = IncrementRequest.newBuilder().setAmount(5).build();
    try (Retry retry = Retry.on(() -> counters.getByName("foo")).build()) {
      ListenableFuture<CounterValue> value =
          retry.call(stub -> CounterGrpc.newFutureStub(stub.channel()).increment(request));
      assertThat(value.get(30, TimeUnit.SECONDS).getValue()).isEqualTo(5);
    }
  }

  @Test
  void journalKeepsLinesInOrderAndReadsThemInPages() {
    JournalGrpc.JournalBlockingStub journal = journal("a");
    for (int i = 1; i <= 1_002; i++) {
      assertThat(append(journal, "line " + i)).isEqualTo(i);
    }
    ReadResponse first = read(journal, 0, 0);
    assertThat(first.getLinesCount()).isEqualTo(1_000);
    assertThat(first.getNext()).isEqualTo(1_001);
    assertThat(first.getLines(0)).isEqualTo("line 1");
    ReadResponse second = read(journal, first.getNext(), 5_000);
    assertThat(second.getLinesList()).containsExactly("line 1001", "line 1002").inOrder();
    assertThat(second.getNext()).isEqualTo(1_003);
    assertThat(read(journal, 1_003, 1).getLinesList()).isEmpty();
    assertThat(read(journal, Long.MAX_VALUE, 1).getNext()).isEqualTo(Long.MAX_VALUE);
    assertThat(read(journal, 2, 1).getLinesList()).containsExactly("line 2");
  }

  @Test
  void journalStopsReadingAtItsLimitOfBytes() {
    JournalGrpc.JournalBlockingStub journal = journal("a");
    String longest = "é".repeat(32 << 10);
    for (int i = 1; i <= 20; i++) {
      assertThat(append(journal, longest)).isEqualTo(i);
    }
    assertThat(read(journal, 1, 100).getNext()).isEqualTo(17);
    assertThat(read(journal, 17, 100).getNext()).isEqualTo(21);
  }

  @Test
  void journalRefusesWhatItCannotDo() {
    assertInvalid(() -> append(journal("a"), ""), "line of 0 bytes");
    assertInvalid(() -> append(journal("a"), "é".repeat((32 << 10) + 1)), "line of 65538 bytes");
    assertInvalid(() -> read(journal("a"), -1, 0), "from -1");
    assertInvalid(() -> read(journal("a"), 0, -1), "limit -1");
    assertThat(read(journal("a"), 0, 0).getLinesList()).isEmpty();
  }

  @Test
  void journalClientSeesWhichCallsRan() throws InterruptedException {
    DurableObjectNamespace journals = host.objects().namespace("JOURNAL");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new JournalClient(
            journals,
            journals.idFromName("diary"),
            new PrintStream(out, true, StandardCharsets.UTF_8))
        .run();
    String cause =
        "NOT_EXECUTED: INVALID_ARGUMENT OBJECT_EXCEPTION: line of 0 bytes, expected 1 to 65536";
    assertThat(out.toString(StandardCharsets.UTF_8).lines().toList())
        .containsExactly(
            "Five lines, one of them empty, through one stub:",
            "  \"one\" is line 1",
            "  \"two\" is line 2",
            "  \"\" " + cause,
            "  \"four\" " + cause,
            "  \"five\" " + cause,
            "What had no effect, but for the line to blame, through a new stub:",
            "  \"four\" is line 3",
            "  \"five\" is line 4",
            "The journal:",
            "  one",
            "  two",
            "  four",
            "  five")
        .inOrder();
  }

  @Test
  void reminderIsGivenWhenItIsDue() {
    ReminderGrpc.ReminderBlockingStub reminder = reminder("a");
    remind(reminder, "last", Durations.fromDays(2));
    remind(reminder, "now", Durations.ZERO);
    remind(reminder, "next", Durations.fromDays(1));
    host.clock().advance(Duration.ZERO);
    assertThat(texts(list(reminder).getWaitingList())).containsExactly("next", "last").inOrder();
    assertThat(texts(list(reminder).getGivenList())).containsExactly("now");
    host.clock().advance(Duration.ofDays(1).minusMillis(1));
    assertThat(texts(list(reminder).getGivenList())).containsExactly("now");
    host.clock().advance(Duration.ofMillis(1));
    assertThat(texts(list(reminder).getGivenList())).containsExactly("next", "now").inOrder();
    host.clock().advance(Duration.ofDays(1));
    assertThat(texts(list(reminder).getGivenList()))
        .containsExactly("last", "next", "now")
        .inOrder();
    assertThat(host.object("REMINDER", "a").alarm()).isEmpty();
  }

  @Test
  void reminderIsGivenOnceThoughItsCommitFailsOrItsHostCrashes() {
    remind(reminder("a"), "milk", Durations.fromHours(1));
    try (HeldCommits held = host.holdCommits()) {
      host.clock().advance(Duration.ofHours(1));
      held.awaitCommit();
      host.crash();
    }
    host.failNextCommit();
    host.clock().advance(Duration.ofMinutes(1));
    assertThat(host.object("REMINDER", "a").entries("given/", Reminding.parser())).hasSize(1);
    assertThat(host.object("REMINDER", "a").entries("waiting/")).isEmpty();
  }

  @Test
  void journalGoesOnWithAnotherInstance() {
    JournalGrpc.JournalBlockingStub journal = journal("a");
    assertThat(append(journal, "one")).isEqualTo(1);
    assertThat(host.object("JOURNAL", "a").evict()).isTrue();
    assertThat(append(journal, "two")).isEqualTo(2);
    host.failNextCommit();
    assertThrows(StatusRuntimeException.class, () -> append(journal, "lost"));
    assertThat(append(journal("a"), "three")).isEqualTo(3);
    assertThat(read(journal("a"), 0, 0).getLinesList())
        .containsExactly("one", "two", "three")
        .inOrder();
  }

  @Test
  void remindersAreReadInPages() {
    ReminderGrpc.ReminderBlockingStub reminder = reminder("a");
    List<String> added = new ArrayList<>();
    for (int i = 0; i < 70; i++) {
      String text = "%03d".formatted(i) + "x".repeat((64 << 10) - 3);
      added.add(text);
      remind(reminder, text, Durations.fromSeconds(1_000 + i));
    }
    List<String> waiting = new ArrayList<>();
    ListRemindersRequest next = ListRemindersRequest.getDefaultInstance();
    do {
      Reminders page = reminder.list(next);
      waiting.addAll(texts(page.getWaitingList()));
      next = ListRemindersRequest.newBuilder().setWaiting(page.getNextWaiting()).build();
    } while (!next.getWaiting().isEmpty());
    assertThat(waiting).containsExactlyElementsIn(added).inOrder();
  }

  @Test
  void givenRemindersAreReadInPages() {
    ReminderGrpc.ReminderBlockingStub reminder = reminder("a");
    for (int i = 0; i < 250; i++) {
      remind(reminder, "reminder " + i, Durations.ZERO);
    }
    List<String> given = new ArrayList<>();
    host.clock().advance(Duration.ZERO);
    assertThat(list(reminder).getWaitingList()).isEmpty();
    ListRemindersRequest next = ListRemindersRequest.getDefaultInstance();
    do {
      Reminders page = reminder.list(next);
      given.addAll(texts(page.getGivenList()));
      next = ListRemindersRequest.newBuilder().setGiven(page.getNextGiven()).build();
    } while (!next.getGiven().isEmpty());
    assertThat(given).hasSize(250);
    assertThat(given).containsNoDuplicates();
  }

  @Test
  void reminderRefusesWhatItCannotDo() {
    assertInvalid(
        () -> {
          var _ = reminder("a").list(ListRemindersRequest.newBuilder().setGiven("7").build());
        },
        "given '7', expected next_given of an earlier answer");
    assertInvalid(() -> remind(reminder("a"), "", Durations.ZERO), "text of 0 bytes");
    assertInvalid(() -> remind(reminder("a"), "x", Durations.fromSeconds(-1)), "after -1s");
    assertInvalid(() -> remind(reminder("a"), "x", Durations.fromDays(3661)), "after 316310400s");
    assertInvalid(
        () -> {
          var _ = reminder("a").add(AddReminderRequest.newBuilder().setText("x").build());
        },
        "after is missing");
  }

  @Test
  void accountCannotBeOverdrawn() {
    AccountGrpc.AccountBlockingStub account = account("a");
    assertThat(deposit(account, 10).getAmount()).isEqualTo(10);
    assertThat(transfer(account, "b", 7).getAmount()).isEqualTo(3);
    StatusRuntimeException e =
        assertThrows(StatusRuntimeException.class, () -> transfer(account, "b", 7));
    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
    assertThat(e).hasMessageThat().contains("balance 3, expected at least 7");
    assertThat(balanceOnceDelivered("a").getAmount()).isEqualTo(3);
    assertThat(balanceOnceDelivered("b").getAmount()).isEqualTo(7);
  }

  @Test
  void accountRefusesWhatItCannotDo() {
    assertInvalid(() -> deposit(account("a"), 0), "amount 0");
    assertInvalid(() -> transfer(account("a"), "b", -1), "amount -1");
    assertInvalid(() -> transfer(account("a"), "a", 1), "account 'a' is this one");
    assertInvalid(() -> transfer(account("a"), "", 1), "account: name");
  }

  @Test
  void accountsThatDeliverToEachOtherLoseNothing() throws Exception {
    deposit(account("a"), 100);
    deposit(account("b"), 100);
    List<ListenableFuture<Balance>> transfers = new ArrayList<>();
    AccountGrpc.AccountFutureStub a =
        AccountGrpc.newFutureStub(host.stub("ACCOUNT", "a").channel());
    AccountGrpc.AccountFutureStub b =
        AccountGrpc.newFutureStub(host.stub("ACCOUNT", "b").channel());
    for (int i = 0; i < 5; i++) {
      transfers.add(a.transfer(TransferRequest.newBuilder().setTo("b").setAmount(3).build()));
      transfers.add(b.transfer(TransferRequest.newBuilder().setTo("a").setAmount(1).build()));
    }
    for (ListenableFuture<Balance> transfer : transfers) {
      transfer.get(30, TimeUnit.SECONDS);
    }
    balanceOnceDelivered("a");
    assertThat(balanceOnceDelivered("b").getAmount()).isEqualTo(110);
    assertThat(balanceOnceDelivered("a").getAmount()).isEqualTo(90);
  }

  @Test
  void aDeliveryThatIsRefusedComesBackAndHoldsUpNoOther() {
    deposit(account("full"), Long.MAX_VALUE);
    deposit(account("a"), 10);
    transfer(account("a"), "full", 4);
    transfer(account("a"), "b", 3);
    assertThat(balanceOnceDelivered("a").getAmount()).isEqualTo(7);
    assertThat(balanceOnceDelivered("b").getAmount()).isEqualTo(3);
    assertThat(balanceOnceDelivered("full").getAmount()).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void accountRefusesADeliveryAgainAsItDid() {
    AccountGrpc.AccountBlockingStub account = account("a");
    deposit(account, Long.MAX_VALUE);
    ReceiveRequest request =
        ReceiveRequest.newBuilder().setSender("someone").setNumber(1).setAmount(5).build();
    assertThat(account.receive(request).getRefusal()).contains("5 more");
    transfer(account, "b", 100);
    assertThat(account.receive(request).getRefusal()).contains("5 more");
    assertThat(account.receive(request.toBuilder().setNumber(2).build()).getRefusal()).isEmpty();
  }

  @Test
  void accountCountsADeliveryOnce() {
    ReceiveRequest request =
        ReceiveRequest.newBuilder().setSender("someone").setNumber(1).setAmount(5).build();
    for (int i = 0; i < 2; i++) {
      assertThat(account("a").receive(request)).isEqualTo(ReceiveResponse.getDefaultInstance());
    }
    assertThat(balanceOnceDelivered("a").getAmount()).isEqualTo(5);
  }

  @Test
  void anAccountDeliversThoughTheAnswerToACommitIsLost() {
    deposit(account("a"), 10);
    host.loseCommitAnswer();
    assertThrows(StatusRuntimeException.class, () -> transfer(account("a"), "b", 4));
    assertThat(balanceOnceDelivered("a").getAmount()).isEqualTo(6);
    assertThat(balanceOnceDelivered("b").getAmount()).isEqualTo(4);
  }

  @Test
  void everythingIsThereAgainAfterARestart() {
    assertThat(increment(counter("a"), 5)).isEqualTo(5);
    assertThat(append(journal("a"), "one")).isEqualTo(1);
    remind(reminder("a"), "soon", Durations.fromMillis(100));
    host.restart();
    assertThat(increment(counter("a"), 1)).isEqualTo(6);
    assertThat(append(journal("a"), "two")).isEqualTo(2);
    assertThat(read(journal("a"), 0, 0).getLinesList()).containsExactly("one", "two").inOrder();
    host.clock().advance(Duration.ofMillis(100));
    assertThat(texts(list(reminder("a")).getGivenList())).containsExactly("soon");
  }

  private static void assertInvalid(Runnable call, String message) {
    StatusRuntimeException e = assertThrows(StatusRuntimeException.class, call::run);
    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(e).hasMessageThat().contains(message);
  }

  private CounterGrpc.CounterBlockingStub counter(String name) {
    return CounterGrpc.newBlockingStub(host.stub("COUNTER", name).channel());
  }

  private static long increment(CounterGrpc.CounterBlockingStub counter, long amount) {
    return counter.increment(IncrementRequest.newBuilder().setAmount(amount).build()).getValue();
  }

  private static long valueOf(CounterGrpc.CounterBlockingStub counter) {
    return counter.get(GetRequest.getDefaultInstance()).getValue();
  }

  private AccountGrpc.AccountBlockingStub account(String name) {
    return AccountGrpc.newBlockingStub(host.stub("ACCOUNT", name).channel());
  }

  @CanIgnoreReturnValue
  private static Balance deposit(AccountGrpc.AccountBlockingStub account, long amount) {
    return account.deposit(DepositRequest.newBuilder().setAmount(amount).build());
  }

  @CanIgnoreReturnValue
  private static Balance transfer(AccountGrpc.AccountBlockingStub account, String to, long amount) {
    return account.transfer(TransferRequest.newBuilder().setTo(to).setAmount(amount).build());
  }

  /** Lets time go on until the account has delivered everything. */
  @CanIgnoreReturnValue
  private Balance balanceOnceDelivered(String name) {
    Balance balance = Balance.getDefaultInstance();
    // What was sent is answered beside the turns; so it may take some of them.
    for (int tries = 0; tries < 10_000; tries++) {
      host.clock().advance(Duration.ofSeconds(1));
      balance = account(name).getBalance(GetBalanceRequest.getDefaultInstance());
      if (balance.getUndelivered() == 0) {
        return balance;
      }
    }
    throw new AssertionError(name + " has not delivered everything: " + balance);
  }

  private ReminderGrpc.ReminderBlockingStub reminder(String name) {
    return ReminderGrpc.newBlockingStub(host.stub("REMINDER", name).channel());
  }

  @CanIgnoreReturnValue
  private static Reminding remind(
      ReminderGrpc.ReminderBlockingStub reminder, String text, com.google.protobuf.Duration after) {
    return reminder.add(AddReminderRequest.newBuilder().setText(text).setAfter(after).build());
  }

  /** The first page. */
  private static Reminders list(ReminderGrpc.ReminderBlockingStub reminder) {
    return reminder.list(ListRemindersRequest.getDefaultInstance());
  }

  private static List<String> texts(List<Reminding> remindings) {
    return remindings.stream().map(Reminding::getText).toList();
  }

  private JournalGrpc.JournalBlockingStub journal(String name) {
    return JournalGrpc.newBlockingStub(host.stub("JOURNAL", name).channel());
  }

  private static long append(JournalGrpc.JournalBlockingStub journal, String line) {
    return journal.append(AppendRequest.newBuilder().setLine(line).build()).getIndex();
  }

  private static ReadResponse read(JournalGrpc.JournalBlockingStub journal, long from, int limit) {
    return journal.read(ReadRequest.newBuilder().setFrom(from).setLimit(limit).build());
  }
}
