package dev.seriatim.service.storage;

import com.google.common.collect.ImmutableList;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.Message;
import com.google.protobuf.MessageLite;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The types of the messages that objects of one namespace have stored since the host started. They
 * are few. Safe for any number of threads.
 */
public final class MessageTypes {
  /** Who stores more types than that doesn't get them all shown. */
  static final int MOST = 64;

  /** The last one that was seen; only a hint. */
  private @Nullable Class<?> last;

  /** By full name. Copied by whoever changes it, holding this. */
  private volatile Map<String, Message> byName = Map.of();

  /** One is stored. Costs a comparison, as long as it is of the type of the one before. */
  void see(MessageLite message) {
    if (message.getClass() != last) {
      learn(message);
    }
  }

  private void learn(MessageLite message) {
    if (!(message instanceof DynamicMessage)) { // Whose class says nothing.
      last = message.getClass();
    }
    if (message instanceof Message known) {
      String name = known.getDescriptorForType().getFullName();
      Message prototype = known.getDefaultInstanceForType();
      Message before = byName.get(name);
      if (before == null || before.getClass() != prototype.getClass()) {
        add(name, prototype);
      }
    }
  }

  private synchronized void add(String name, Message prototype) {
    Map<String, Message> more = new LinkedHashMap<>(byName);
    // In the place of one of the same name that another class loader has made.
    if (more.size() < MOST || more.containsKey(name)) {
      more.put(name, prototype);
      byName = more;
    }
  }

  /** Forgets them, for their classes may be of code that was replaced. */
  public synchronized void forget() {
    last = null;
    byName = Map.of();
  }

  /** A message of each type, without content; the type that was seen first comes first. */
  public ImmutableList<Message> prototypes() {
    return ImmutableList.copyOf(byName.values());
  }
}
