package dev.seriatim.server.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.hash.Hashing;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Tokens that say who calls. */
@Command(
    name = "token",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    description = "Makes tokens that say who calls.",
    subcommands = TokenCommand.New.class)
final class TokenCommand {
  /** Makes one. */
  @Command(
      name = "new",
      mixinStandardHelpOptions = true,
      sortOptions = false,
      usageHelpAutoWidth = true,
      description =
          "Makes a token. Prints it, once: a host only has its hash, in the file of --auth-tokens.")
  static final class New implements Callable<Integer> {
    private static final int BYTES = 32;

    @Spec private @Nullable CommandSpec spec;

    @Option(
        names = "--name",
        required = true,
        paramLabel = "NAME",
        description = "What its caller is called.")
    private String name = "";

    @Option(
        names = "--group",
        paramLabel = "GROUP",
        description = "A group that the caller is in. May be repeated.")
    private List<String> groups = new ArrayList<>();

    @Option(
        names = "--file",
        paramLabel = "FILE",
        description =
            "The file of --auth-tokens, to which its line is added. Without it the line is printed"
                + " on standard error.")
    private @Nullable Path file;

    @Override
    public Integer call() throws IOException {
      PrintWriter err = Objects.requireNonNull(spec).commandLine().getErr();
      if (name.isEmpty()) {
        err.println("--name is empty, expected what the caller is called");
        return ExitStatus.USAGE;
      }
      byte[] secret = new byte[BYTES];
      new SecureRandom().nextBytes(secret);
      String token = HexFormat.of().formatHex(secret);
      String line = line(token);
      if (file == null) {
        err.println(line);
      } else {
        add(file, line);
      }
      spec.commandLine().getOut().println(token);
      return ExitStatus.OK;
    }

    private String line(String token) {
      JsonObject line = new JsonObject();
      line.addProperty("sha256", Hashing.sha256().hashString(token, UTF_8).toString());
      line.addProperty("name", name);
      JsonArray all = new JsonArray();
      groups.forEach(all::add);
      line.add("groups", all);
      return line.toString();
    }

    private static void add(Path file, String line) throws IOException {
      boolean open = Files.exists(file) && !Files.readString(file).matches("(?s).*\n|");
      Files.writeString(
          file,
          (open ? "\n" : "") + line + "\n",
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    }
  }
}
