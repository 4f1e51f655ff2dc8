import com.google.googlejavaformat.java.Main;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Runs google-java-format over every Java file of the tree. {@code --check} fails if a file is not
 * formatted and names it; {@code --write} formats in place. Needs the formatter's jar on the class
 * path, and a JDK that can parse the sources; the build sees to both.
 */
final class Format {
  private static final Set<String> SKIPPED =
      Set.of("target", ".git", ".tools", "node_modules", ".venv");

  private static final List<String> EXPORTS =
      List.of("api", "code", "file", "parser", "tree", "util");

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 2 || !Set.of("--check", "--write").contains(arguments[0])) {
      System.err.println("usage: java Format.java --check|--write DIRECTORY");
      System.exit(2);
    }
    if (System.getProperty("format.child") == null) {
      System.exit(inJvmWithCompilerInternals(arguments));
    }
    List<String> command = new ArrayList<>();
    command.addAll(
        arguments[0].equals("--check")
            ? List.of("--dry-run", "--set-exit-if-changed")
            : List.of("--replace"));
    command.addAll(javaFiles(Path.of(arguments[1])));
    PrintWriter out = new PrintWriter(System.out, true);
    PrintWriter err = new PrintWriter(System.err, true);
    int result = new Main(out, err, System.in).format(command.toArray(String[]::new));
    out.flush();
    if (result != 0) {
      System.err.println("format: the files above are not formatted; run scripts/format");
    }
    System.exit(result);
  }

  /** The formatter reads the compiler's own packages, which only a JVM option can open to it. */
  private static int inJvmWithCompilerInternals(String[] arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    for (String name : EXPORTS) {
      command.add("--add-exports=jdk.compiler/com.sun.tools.javac." + name + "=ALL-UNNAMED");
    }
    command.addAll(List.of("-Dformat.child=true", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("--class-path", System.getProperty("java.class.path")));
    command.add(Path.of(arguments[1], "scripts", "Format.java").toString());
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).inheritIO().start().waitFor();
  }

  private static List<String> javaFiles(Path top) throws IOException {
    List<String> files = new ArrayList<>();
    Files.walkFileTree(
        top,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
            return SKIPPED.contains(directory.getFileName().toString())
                ? FileVisitResult.SKIP_SUBTREE
                : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (file.toString().endsWith(".java")) {
              files.add(file.toString());
            }
            return FileVisitResult.CONTINUE;
          }
        });
    return files;
  }
}
