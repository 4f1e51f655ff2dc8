package dev.seriatim.server.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import dev.seriatim.admin.v1.Condition;
import dev.seriatim.admin.v1.EditEntriesRequest;
import dev.seriatim.admin.v1.EditEntriesResponse;
import dev.seriatim.admin.v1.Entry;
import dev.seriatim.admin.v1.JsonValue;
import dev.seriatim.admin.v1.ListEntriesRequest;
import dev.seriatim.admin.v1.ListEntriesResponse;
import dev.seriatim.admin.v1.Put;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What an object has stored. */
@Command(
    name = "storage",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    description =
        "Shows and edits what an object has stored. Looking wakes nobody; an edit is a turn.",
    subcommands = {
      StorageCommand.Ls.class,
      StorageCommand.Get.class,
      StorageCommand.PutOne.class,
      StorageCommand.Rm.class
    })
final class StorageCommand {
  /** Lists entries. */
  @Command(name = "ls", description = "Lists what is stored, by key.")
  static final class Ls extends ObjectActions {
    private static final int PAGE = 1_000;
    private static final int SHOWN = 100;

    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "PREFIX",
        description = "Only keys that begin so.")
    private String prefix = "";

    @Option(names = "--limit", paramLabel = "N", description = "Ends behind so many.")
    private long limit = Long.MAX_VALUE;

    @Option(names = "--full", description = "Values as long as they are.")
    private boolean full;

    @Override
    int run(ManagedChannel channel) {
      if (limit < 1) {
        throw CommandFailure.usage("--limit: %d, expected at least 1".formatted(limit));
      }
      ListEntriesRequest.Builder request =
          ListEntriesRequest.newBuilder().setObject(object()).setPrefix(prefix);
      TextTable table = new TextTable("KEY", "BYTES", "TYPE", "VALUE");
      long left = limit;
      boolean first = true;
      while (true) {
        ListEntriesResponse page =
            admin(channel).listEntries(request.setLimit((int) Math.min(left, PAGE)).build());
        left -= page.getEntriesCount();
        if (isJson()) {
          page.getEntriesList().forEach(this::printJson);
        } else {
          for (Entry entry : page.getEntriesList()) {
            table.add(
                entry.getKey(),
                entry.getValue().size(),
                entry.getType().isEmpty() ? "-" : entry.getType(),
                full ? entry.getText() : shortened(entry.getText()));
          }
          table.print(out(), first);
        }
        first = false;
        if (!page.getMore() || page.getEntriesCount() == 0 || left == 0 || isDone()) {
          return ExitStatus.OK;
        }
        request.setStartAfter(page.getEntries(page.getEntriesCount() - 1).getKey());
      }
    }

    private static String shortened(String text) {
      return text.codePointCount(0, text.length()) <= SHOWN
          ? text
          : text.substring(0, text.offsetByCodePoints(0, SHOWN - 1)) + "…";
    }
  }

  /** Shows one value. */
  @Command(name = "get", description = "Shows a value. Ends with 1 if there is none.")
  static final class Get extends ObjectActions {
    @Parameters(index = "1", paramLabel = "KEY", description = "Its key.")
    private String key = "";

    @Option(names = "--hex", description = "Its bytes, as storage put --hex takes them.")
    private boolean hex;

    @Override
    int run(ManagedChannel channel) {
      ListEntriesResponse answer =
          admin(channel)
              .listEntries(
                  ListEntriesRequest.newBuilder()
                      .setObject(object())
                      .setPrefix(key) // The key itself is the first that begins so.
                      .setLimit(1)
                      .build());
      if (answer.getEntriesCount() == 0 || !answer.getEntries(0).getKey().equals(key)) {
        throw new CommandFailure(ExitStatus.FAILED, "no key '%s'".formatted(key));
      }
      Entry entry = answer.getEntries(0);
      if (isJson()) {
        printJson(entry);
      } else {
        out()
            .println(
                hex
                    ? HexFormat.of().formatHex(entry.getValue().toByteArray())
                    : TextTable.oneLine(entry.getText()));
      }
      return ExitStatus.OK;
    }
  }

  /** What has to hold. */
  static final class If {
    @Option(
        names = "--if",
        paramLabel = "TEXT",
        description = "Only if the value is this text now.")
    private @Nullable String text;

    @Option(
        names = "--if-hex",
        paramLabel = "HEX",
        description = "Only if the value is these bytes now.")
    private @Nullable String hex;

    @Option(names = "--if-absent", description = "Only if there is no value now.")
    private boolean absent;

    Condition condition(String key) {
      Condition.Builder condition = Condition.newBuilder().setKey(key);
      if (text != null) {
        condition.setValue(ByteString.copyFromUtf8(text));
      } else if (hex != null) {
        condition.setValue(bytes("--if-hex", hex));
      } else if (!absent) {
        throw new AssertionError("one of them is given");
      }
      return condition.build();
    }
  }

  /** Puts one value. */
  @Command(
      name = "put",
      description =
          "Puts a value, as a turn. Ends with 1 if a condition doesn't hold; nothing is changed"
              + " then.")
  static final class PutOne extends ObjectActions {
    @Parameters(index = "1", paramLabel = "KEY", description = "Its key.")
    private String key = "";

    @Parameters(
        index = "2",
        paramLabel = "VALUE",
        description = "A text; - is what standard input has, as it is.")
    private String value = "";

    @Option(names = "--hex", description = "VALUE is bytes in hexadecimal digits.")
    private boolean hex;

    @Option(
        names = "--type",
        paramLabel = "MESSAGE",
        description = "VALUE is JSON of this message, such as my.pkg.Line.")
    private @Nullable String type;

    @ArgGroup private @Nullable If condition;

    @Override
    int run(ManagedChannel channel) throws IOException {
      if (hex && type != null) {
        throw CommandFailure.usage("--hex and --type, expected one of them");
      }
      ByteString given =
          value.equals("-") ? ByteString.readFrom(System.in) : ByteString.copyFromUtf8(value);
      Put.Builder put = Put.newBuilder().setKey(key);
      if (type != null) {
        put.setJson(JsonValue.newBuilder().setType(type).setJson(given.toStringUtf8()));
      } else {
        put.setValue(hex ? bytes("VALUE", given.toString(UTF_8).strip()) : given);
      }
      EditEntriesRequest.Builder edit =
          EditEntriesRequest.newBuilder().setObject(object()).addPuts(put);
      if (condition != null) {
        edit.addConditions(condition.condition(key));
      }
      EditEntriesResponse _ = admin(channel).editEntries(edit.build());
      return say(true, "has '%s'".formatted(key), "");
    }
  }

  /** Removes keys. */
  @Command(name = "rm", description = "Removes keys, in one turn.")
  static final class Rm extends ObjectActions {
    @Parameters(index = "1..*", arity = "1..*", paramLabel = "KEY", description = "The keys.")
    private List<String> keys = new ArrayList<>();

    @Override
    int run(ManagedChannel channel) {
      EditEntriesResponse _ =
          admin(channel)
              .editEntries(
                  EditEntriesRequest.newBuilder().setObject(object()).addAllDeletes(keys).build());
      return say(true, "has no " + keys, "");
    }
  }

  private static ByteString bytes(String what, String hex) {
    try {
      return ByteString.copyFrom(HexFormat.of().parseHex(hex));
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage("%s: '%s', expected hexadecimal digits".formatted(what, hex));
    }
  }
}
