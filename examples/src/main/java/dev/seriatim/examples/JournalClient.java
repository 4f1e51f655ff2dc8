package dev.seriatim.examples;

import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.examples.v1.AppendRequest;
import dev.seriatim.examples.v1.AppendResponse;
import dev.seriatim.examples.v1.JournalGrpc;
import dev.seriatim.examples.v1.ReadRequest;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import dev.seriatim.stub.Fate;
import io.grpc.InsecureChannelCredentials;
import io.grpc.StatusRuntimeException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;

/**
 * Writes to a journal without waiting for each line, breaks its stub in the middle, finds out which
 * calls ran, and goes on through a new stub. Prints what it sees.
 */
public final class JournalClient {
  private final DurableObjectNamespace journals;
  private final DurableObjectId id;
  private final PrintStream out;

  JournalClient(DurableObjectNamespace journals, DurableObjectId id, PrintStream out) {
    this.journals = journals;
    this.id = id;
    this.out = out;
  }

  /** Runs against the server at the address that is the one argument, on a new journal. */
  public static void main(String[] arguments) throws InterruptedException {
    if (arguments.length != 1) {
      System.err.println("usage: JournalClient HOST:PORT");
      System.exit(2);
    }
    try (DurableObjects objects =
        DurableObjects.connect(arguments[0], InsecureChannelCredentials.create())) {
      DurableObjectNamespace journals = objects.namespace("JOURNAL");
      new JournalClient(journals, journals.newUniqueId(), System.out).run();
    } catch (StatusRuntimeException e) {
      System.err.println("JournalClient: " + arguments[0] + ": " + e.getMessage());
      System.exit(1);
    }
  }

  void run() throws InterruptedException {
    out.println("Five lines, one of them empty, through one stub:");
    List<String> hadNoEffect = append(List.of("one", "two", "", "four", "five"));
    out.println("What had no effect, but for the line to blame, through a new stub:");
    append(hadNoEffect);
    out.println("The journal:");
    try (DurableObjectStub stub = journals.get(id)) {
      JournalGrpc.JournalBlockingStub journal = JournalGrpc.newBlockingStub(stub.channel());
      for (String line : journal.read(ReadRequest.getDefaultInstance()).getLinesList()) {
        out.println("  " + line);
      }
    }
  }

  /** Appends these lines; gives back those that can be sent again as they are. */
  private List<String> append(List<String> lines) throws InterruptedException {
    try (DurableObjectStub stub = journals.get(id)) {
      JournalGrpc.JournalFutureStub journal = JournalGrpc.newFutureStub(stub.channel());
      List<ListenableFuture<AppendResponse>> calls = new ArrayList<>();
      for (String line : lines) {
        calls.add(journal.append(AppendRequest.newBuilder().setLine(line).build()));
      }
      List<String> again = new ArrayList<>();
      for (int i = 0; i < lines.size(); i++) {
        String line = lines.get(i);
        try {
          out.printf("  \"%s\" is line %d%n", line, calls.get(i).get().getIndex());
        } catch (ExecutionException e) {
          CallFailure failure = CallFailure.of(e).orElseThrow(() -> new IllegalStateException(e));
          out.printf("  \"%s\" %s: %s%n", line, failure.fate(), failure.failureCause());
          if (failure.fate() == Fate.NOT_EXECUTED
              && failure.sequence() != failure.failedSequence()) {
            again.add(line);
          }
        }
      }
      return again;
    }
  }
}
