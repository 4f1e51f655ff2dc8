package dev.seriatim.conformance;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.reflect.ClassPath;
import com.google.common.reflect.ClassPath.ResourceInfo;
import com.google.protobuf.TextFormat;
import com.google.protobuf.TypeRegistry;
import com.google.rpc.ErrorDetailsProto;
import dev.seriatim.conformance.v1.Case;
import dev.seriatim.conformance.v1.Suite;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The cases that come with this module. */
final class CaseFiles {
  private static final String DIRECTORY = "cases/";
  private static final String SUFFIX = ".textproto";
  private static final TextFormat.Parser PARSER =
      TextFormat.Parser.newBuilder()
          .setTypeRegistry(
              TypeRegistry.newBuilder()
                  .add(ErrorDetailsProto.getDescriptor().getMessageTypes())
                  .build())
          .build();

  private CaseFiles() {}

  /**
   * All cases, in the order of the names of their files, and as they stand there.
   *
   * @throws IllegalStateException if a file is not right
   */
  static List<Case> load() {
    List<Case> cases = new ArrayList<>();
    Set<String> names = new HashSet<>();
    try {
      List<ResourceInfo> files =
          ClassPath.from(CaseFiles.class.getClassLoader()).getResources().stream()
              .filter(CaseFiles::isCaseFile)
              .sorted(Comparator.comparing(ResourceInfo::getResourceName))
              .toList();
      for (ResourceInfo file : files) {
        for (Case one : parse(file.getResourceName(), file.asCharSource(UTF_8).read())) {
          if (!names.add(one.getName())) {
            throw new IllegalStateException(
                file.getResourceName() + ": there is another case '" + one.getName() + "'");
          }
          cases.add(one);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (cases.isEmpty()) {
      throw new IllegalStateException("no cases found under " + DIRECTORY + " on the class path");
    }
    return List.copyOf(cases);
  }

  /** The cases in this text. */
  static List<Case> parse(String fileName, String text) {
    Suite.Builder suite = Suite.newBuilder();
    try {
      PARSER.merge(text, suite);
    } catch (TextFormat.ParseException e) {
      throw new IllegalStateException(fileName + ": " + e.getMessage(), e);
    }
    for (Case one : suite.getCasesList()) {
      if (one.getName().isEmpty() || one.getDescription().isEmpty() || one.getStepsCount() == 0) {
        throw new IllegalStateException(
            fileName + ": case '" + one.getName() + "' needs a name, a description and steps");
      }
      if (one.getRulesCount() == 0 && one.getReasonsCount() == 0) {
        throw new IllegalStateException(
            fileName + ": case '" + one.getName() + "' names no rule and no reason");
      }
      for (String reason : one.getReasonsList()) {
        if (FailureTable.of(reason).isEmpty()) {
          throw new IllegalStateException(
              fileName + ": case '" + one.getName() + "' names an unknown reason '" + reason + "'");
        }
      }
    }
    return suite.getCasesList();
  }

  private static boolean isCaseFile(ResourceInfo resource) {
    return resource.getResourceName().startsWith(DIRECTORY)
        && resource.getResourceName().endsWith(SUFFIX);
  }
}
