package dev.seriatim.service.storage;

import static java.nio.file.attribute.PosixFilePermission.GROUP_READ;
import static java.nio.file.attribute.PosixFilePermission.GROUP_WRITE;
import static java.nio.file.attribute.PosixFilePermission.OTHERS_READ;
import static java.nio.file.attribute.PosixFilePermission.OTHERS_WRITE;

import com.google.common.collect.ImmutableSet;
import com.google.common.collect.Sets;
import dev.seriatim.service.StorageException;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The directory that a store is in. What is stored stands there in the clear. */
final class DataDirectory {
  private static final Logger logger = LoggerFactory.getLogger(DataDirectory.class);
  private static final String OWNERS_ALONE = "rwx------";

  private static final ImmutableSet<PosixFilePermission> OF_OTHERS =
      Sets.immutableEnumSet(GROUP_READ, GROUP_WRITE, OTHERS_READ, OTHERS_WRITE);

  private DataDirectory() {}

  /**
   * Makes it, its owner's alone, if it isn't there.
   *
   * @throws StorageException if it can't be made
   */
  static void make(Path directory) {
    try {
      if (Files.isDirectory(directory)) {
        return;
      }
      if (FileSystems.getDefault().supportedFileAttributeViews().contains("posix")) {
        FileAttribute<Set<PosixFilePermission>> rights =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(OWNERS_ALONE));
        Files.createDirectories(directory, rights);
      } else {
        Files.createDirectories(directory);
      }
    } catch (IOException e) {
      throw new StorageException("data directory " + directory + " can't be made: " + e, e);
    }
  }

  /** Says so if it is there, and others may read or write it. It is left as it is. */
  static void check(Path directory) {
    Set<PosixFilePermission> rights;
    try {
      rights = Files.getPosixFilePermissions(directory);
    } catch (UnsupportedOperationException | IOException e) {
      return; // There are no such rights, or no such directory.
    }
    if (!Sets.intersection(rights, OF_OTHERS).isEmpty()) {
      logger.warn(
          "data directory {} is {}: others may read or write what is stored, expected {}",
          directory,
          PosixFilePermissions.toString(rights),
          OWNERS_ALONE);
    }
  }
}
