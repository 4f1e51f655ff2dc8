package dev.seriatim.conformance.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.collect.ImmutableSet;
import com.google.common.reflect.ClassPath;
import com.google.common.reflect.ClassPath.ResourceInfo;
import com.google.protobuf.TextFormat;
import dev.seriatim.conformance.v1.ClientCase;
import dev.seriatim.conformance.v1.ClientSuite;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The client cases that come with this module. */
final class ClientCaseFiles {
  private static final String DIRECTORY = "client-cases/";
  private static final String SUFFIX = ".textproto";

  /** What a driver may say that its library has. */
  private static final String RESUMABLE = "resumable";

  private static final String BEARER = "bearer";

  private static final ImmutableSet<String> REQUIREMENTS =
      ImmutableSet.<String>builder().addAll(Carriage.requirements()).add(RESUMABLE, BEARER).build();

  private ClientCaseFiles() {}

  /**
   * All cases, in the order of the names of their files, and as they stand there.
   *
   * @throws IllegalStateException if a file is not right
   */
  static List<ClientCase> load() {
    List<ClientCase> cases = new ArrayList<>();
    Set<String> names = new HashSet<>();
    try {
      List<ResourceInfo> files =
          ClassPath.from(ClientCaseFiles.class.getClassLoader()).getResources().stream()
              .filter(file -> file.getResourceName().startsWith(DIRECTORY))
              .filter(file -> file.getResourceName().endsWith(SUFFIX))
              .sorted(Comparator.comparing(ResourceInfo::getResourceName))
              .toList();
      for (ResourceInfo file : files) {
        for (ClientCase one : parse(file.getResourceName(), file.asCharSource(UTF_8).read())) {
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
  static List<ClientCase> parse(String fileName, String text) {
    ClientSuite.Builder suite = ClientSuite.newBuilder();
    try {
      TextFormat.merge(text, suite);
    } catch (TextFormat.ParseException e) {
      throw new IllegalStateException(fileName + ": " + e.getMessage(), e);
    }
    for (ClientCase one : suite.getCasesList()) {
      if (one.getName().isEmpty()
          || one.getDescription().isEmpty()
          || one.getRulesCount() == 0
          || one.getCallerCount() == 0) {
        throw new IllegalStateException(
            fileName
                + ": case '"
                + one.getName()
                + "' needs a name, a description, rules and steps of its caller");
      }
      for (String requirement : one.getRequiresList()) {
        if (!REQUIREMENTS.contains(requirement)) {
          throw new IllegalStateException(
              fileName
                  + ": case '"
                  + one.getName()
                  + "' requires '"
                  + requirement
                  + "', expected one of "
                  + REQUIREMENTS);
        }
      }
    }
    return suite.getCasesList();
  }
}
