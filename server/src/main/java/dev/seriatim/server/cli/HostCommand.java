package dev.seriatim.server.cli;

import com.google.common.base.Throwables;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** A command that asks a host for something, and what it says if that fails. */
@Command(
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    exitCodeOnInvalidInput = ExitStatus.USAGE,
    footer = {"", ExitStatus.LIST})
abstract class HostCommand implements Callable<Integer> {
  /** How long is waited for an answer that needs no turn, if nothing is said. */
  private static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(30);

  /** What the transport puts before the words of the system. */
  private static final Pattern SYSTEM_CALL =
      Pattern.compile("^\\w+\\(\\.\\.\\) failed with error\\(-?\\d+\\): ");

  @Mixin private HostOptions host = new HostOptions();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      defaultValue = "table",
      description = "table, or json: an object a line. Default: ${DEFAULT-VALUE}")
  private OutputFormat output = OutputFormat.TABLE;

  @Spec private @Nullable CommandSpec spec;

  /**
   * Does it.
   *
   * @return what the command ends with
   */
  abstract int run(ManagedChannel channel) throws Exception;

  @Override
  public final Integer call() throws Exception {
    QuietLog.begin();
    ManagedChannel channel = null;
    try {
      channel = host.channel();
      return run(channel);
    } catch (CommandFailure e) {
      err().println(e.getMessage());
      return e.exitStatus();
    } catch (StatusRuntimeException e) {
      return failed(e);
    } catch (StatusException e) {
      return failed(e.getStatus().asRuntimeException(e.getTrailers()));
    } finally {
      out().flush();
      err().flush();
      if (channel != null) {
        channel.shutdownNow();
      }
    }
  }

  private int failed(StatusRuntimeException e) {
    err().println(said(e, host.target()));
    return ExitStatus.of(e);
  }

  /** In one line: what happened, and what the host calls it. */
  static String said(StatusRuntimeException thrown, String target) {
    Status status = thrown.getStatus();
    String description = Objects.requireNonNullElse(status.getDescription(), "");
    if (status.getCode() == Status.Code.UNAVAILABLE && ExitStatus.reason(thrown).isEmpty()) {
      Throwable root = Throwables.getRootCause(thrown);
      String why = thrown.getCause() == null ? description : String.valueOf(root.getMessage());
      return "no connection to %s: %s"
          .formatted(target, SYSTEM_CALL.matcher(TextTable.oneLine(why)).replaceFirst(""));
    }
    if (status.getCode() == Status.Code.UNIMPLEMENTED) {
      return "%s doesn't serve this%s"
          .formatted(target, description.isEmpty() ? "" : ": " + description);
    }
    return TextTable.oneLine(description.isEmpty() ? status.getCode().name() : description)
        + " ["
        + status.getCode()
        + "]";
  }

  HostOptions host() {
    return host;
  }

  boolean isJson() {
    return output == OutputFormat.JSON;
  }

  /** When an answer is waited for no longer, from now on. */
  long timeoutNanos() {
    return TimeUnit.NANOSECONDS.convert(
        Objects.requireNonNullElse(host.timeout(), DEFAULT_TIMEOUT));
  }

  PrintWriter out() {
    return commandSpec().commandLine().getOut();
  }

  PrintWriter err() {
    return commandSpec().commandLine().getErr();
  }

  CommandSpec commandSpec() {
    return Objects.requireNonNull(spec);
  }
}
