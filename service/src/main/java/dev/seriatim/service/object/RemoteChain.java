package dev.seriatim.service.object;

import com.google.common.base.Splitter;

/**
 * A chain that comes from another host: of the turns that it names, those of this host can be
 * looked up.
 */
final class RemoteChain implements WaitingChain {
  private static final Splitter KEYS = Splitter.on(' ').omitEmptyStrings();

  private final CallChains chains;
  private final String keys;

  RemoteChain(CallChains chains, String keys) {
    this.chains = chains;
    this.keys = keys;
  }

  @Override
  public boolean hasWaiting(LiveObject object) {
    for (String key : KEYS.split(keys)) {
      CallChain chain = chains.byKey(key);
      if (chain != null && chain.hasWaiting(object)) {
        return true;
      }
    }
    return false;
  }

  @Override
  public String keysOfOthers() {
    return keys;
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (String key : KEYS.split(keys)) {
      CallChain chain = chains.byKey(key);
      text.append(text.isEmpty() ? "" : " > ")
          .append(chain == null ? "an object of another host" : chain.toString());
    }
    return text.toString();
  }
}
