import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.lang.constant.ClassDesc;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;

/**
 * Writes the classes of a jar anew as those of Java 8, with the frames that the verifier asks for
 * since then. The JVM keeps no class in its cache that was compiled for Java 5, as picocli's are,
 * and to load them again takes an eighth of the server's start. What a class does stays as it is;
 * resources are left out.
 */
final class RaiseClasses {
  private static final int MAGIC_AND_MINOR = 6;

  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 2) {
      System.err.println("usage: java RaiseClasses.java FROM.jar TO.jar");
      System.exit(2);
    }
    Path to = Path.of(arguments[1]);
    Files.createDirectories(to.getParent());
    int raised = 0;
    try (JarFile from = new JarFile(arguments[0]);
        OutputStream file = Files.newOutputStream(to);
        JarOutputStream jar = new JarOutputStream(file)) {
      ClassFile classes =
          ClassFile.of(
              ClassFile.ClassHierarchyResolverOption.of(
                  ClassHierarchyResolver.ofResourceParsing(type -> find(from, type)).cached()),
              ClassFile.StackMapsOption.GENERATE_STACK_MAPS);
      for (JarEntry entry : from.stream().filter(RaiseClasses::isClass).toList()) {
        byte[] bytes;
        try (InputStream content = from.getInputStream(entry)) {
          bytes = content.readAllBytes();
        }
        if (version(bytes) < ClassFile.JAVA_6_VERSION) {
          bytes =
              classes.transformClass(
                  classes.parse(bytes),
                  ClassTransform.endHandler(
                          builder -> builder.withVersion(ClassFile.JAVA_8_VERSION, 0))
                      .andThen(ClassTransform.transformingMethodBodies(CodeTransform.ACCEPT_ALL)));
          raised++;
        }
        JarEntry written = new JarEntry(entry.getName());
        written.setTimeLocal(entry.getTimeLocal()); // Two builds are equal.
        jar.putNextEntry(written);
        jar.write(bytes);
        jar.closeEntry();
      }
    }
    if (raised == 0) {
      System.err.println(
          arguments[0] + ": no class is older than Java 6, expected some: this step can go");
      System.exit(1);
    }
  }

  /** But not that of a module: the program is none. */
  private static boolean isClass(JarEntry entry) {
    return entry.getName().endsWith(".class") && !entry.getName().endsWith("module-info.class");
  }

  private static int version(byte[] bytes) {
    return (bytes[MAGIC_AND_MINOR] & 0xFF) << 8 | bytes[MAGIC_AND_MINOR + 1] & 0xFF;
  }

  /** A class that others inherit from: of the jar, or of the JDK. */
  private static InputStream find(JarFile jar, ClassDesc type) {
    String descriptor = type.descriptorString();
    String name = descriptor.substring(1, descriptor.length() - 1) + ".class";
    JarEntry entry = jar.getJarEntry(name);
    try {
      return entry == null
          ? ClassLoader.getSystemResourceAsStream(name)
          : jar.getInputStream(entry);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
