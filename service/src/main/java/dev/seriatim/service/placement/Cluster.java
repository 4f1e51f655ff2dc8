package dev.seriatim.service.placement;

import com.google.protobuf.ByteString;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.storage.Slots;
import java.util.List;
import java.util.function.Supplier;

/**
 * Makes one of many hosts out of a host: knows which host has which object, passes stubs on, and
 * moves objects. The host calls these methods in the order in which they stand here, each once, and
 * {@link #close} whatever has failed.
 */
public interface Cluster extends AutoCloseable {
  /**
   * What a host gives to its cluster.
   *
   * @param slots gives the slots of its store, none of which it has yet
   * @param directory its objects
   * @param namespaces what it serves: a serialized {@code DescribeNamespaceResponse} each
   */
  record Member(
      Supplier<Slots> slots,
      ObjectDirectory directory,
      HostLimits limits,
      List<ByteString> namespaces) {}

  /**
   * What a cluster gives to its host.
   *
   * @param forClients opens the stubs of its clients
   * @param forObjects opens those of its objects
   * @param forPeers opens those that other hosts pass on
   * @param neighbours the other hosts
   */
  record Places(
      Placement forClients, Placement forObjects, Placement forPeers, Neighbours neighbours) {}

  /** The host is being built. */
  Places join(Member member);

  /** What another host shows that calls this one, in hexadecimal. */
  String token();

  /**
   * The host listens: it may take part from now on. Doesn't wait for the others.
   *
   * @param port where
   * @throws IllegalStateException if another host means something else by the name of a namespace
   */
  void start(int port);

  /**
   * The host is about to go: hands over what it has, and takes nothing more. Blocks until that is
   * done, and no longer than the host's drain limit.
   *
   * @throws InterruptedException if the calling thread is interrupted
   */
  void leave() throws InterruptedException;

  /** Whether the host is one of many by now. May be asked at any time. */
  boolean isUp();

  @Override
  void close();
}
