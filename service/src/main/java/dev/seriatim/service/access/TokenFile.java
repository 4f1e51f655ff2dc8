package dev.seriatim.service.access;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.base.Splitter;
import com.google.common.collect.ImmutableMap;
import com.google.common.collect.ImmutableSet;
import com.google.common.hash.HashCode;
import com.google.common.hash.Hashing;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import dev.seriatim.service.Caller;
import dev.seriatim.service.threads.Enduring;
import java.io.IOException;
import java.io.StringReader;
import java.lang.ref.WeakReference;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Knows callers by tokens that a file has the hashes of. A token is looked up by its hash, so the
 * time that takes tells nothing of it. Looks at the file when it is asked, and by itself as soon as
 * somebody wants to know of changes. Safe for any number of threads.
 */
public final class TokenFile extends Bearer {
  private static final Logger logger = LoggerFactory.getLogger(TokenFile.class);
  private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");

  private final WatchedFile<ImmutableMap<HashCode, Caller>> file;
  private final Duration every;
  private final LongSupplier nanos;
  private final CopyOnWriteArrayList<Runnable> listeners = new CopyOnWriteArrayList<>();

  /**
   * The tokens of this file, which is looked at each so often.
   *
   * @throws IllegalArgumentException if it can't be read, or is bad
   */
  public TokenFile(Path file, Duration every) {
    this(file, every, System::nanoTime);
  }

  TokenFile(Path file, Duration every, LongSupplier nanos) {
    this.file = new WatchedFile<>("tokens", file, TokenFile::parse);
    this.every = every;
    this.nanos = nanos;
  }

  @Override
  Optional<Verified> authenticate(String token) {
    HashCode hash = Hashing.sha256().hashString(token, UTF_8);
    if (file.lookIfDue(every, nanos)) {
      tell();
    }
    return Optional.ofNullable(file.current().get(hash))
        .map(
            caller ->
                new Verified(
                    caller, Optional.empty(), () -> caller.equals(file.current().get(hash))));
  }

  @Override
  public void onChange(Runnable listener) {
    if (listeners.isEmpty()) {
      WeakReference<TokenFile> self = new WeakReference<>(this);
      Enduring.virtualThread("seriatim-tokens", () -> watch(self, every)).start();
    }
    listeners.add(listener);
  }

  /** Looks again and again, for as long as somebody has it. */
  private static void watch(WeakReference<TokenFile> watched, Duration every) {
    try {
      do {
        Thread.sleep(every);
      } while (look(watched.get()));
    } catch (InterruptedException e) {
      logger.debug("tokens are not looked at any more", e);
    }
  }

  private static boolean look(@Nullable TokenFile tokens) {
    if (tokens == null) {
      return false;
    }
    try {
      if (tokens.file.look()) {
        tokens.tell();
      }
    } catch (RuntimeException e) {
      logger.error("a listener failed to take new tokens", e);
    }
    return true;
  }

  private void tell() {
    listeners.forEach(Runnable::run);
  }

  private static ImmutableMap<HashCode, Caller> parse(String text) {
    Map<HashCode, Caller> callers = new HashMap<>();
    int number = 0;
    for (String line : Splitter.on('\n').split(text)) {
      number++;
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      try {
        parseLine(line, callers);
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("line %s: %s".formatted(number, e.getMessage()), e);
      } catch (IOException | IllegalStateException e) {
        // What it says may have a piece of a token in it, which somebody put there by mistake.
        throw new IllegalArgumentException(
            "line %s: expected an object {\"sha256\": \"…\", \"name\": \"…\", \"groups\": […]}"
                .formatted(number));
      }
    }
    return ImmutableMap.copyOf(callers);
  }

  private static void parseLine(String line, Map<HashCode, Caller> callers) throws IOException {
    String hash = "";
    String name = "";
    ImmutableSet.Builder<String> groups = ImmutableSet.builder();
    ImmutableMap.Builder<String, String> claims = ImmutableMap.builder();
    try (JsonReader reader = new JsonReader(new StringReader(line))) {
      reader.setStrictness(Strictness.STRICT);
      reader.beginObject();
      while (reader.hasNext()) {
        String field = reader.nextName();
        switch (field) {
          case "sha256" -> hash = string(reader);
          case "name" -> name = string(reader);
          case "groups" -> {
            reader.beginArray();
            while (reader.hasNext()) {
              groups.add(string(reader));
            }
            reader.endArray();
          }
          case "claims" -> {
            reader.beginObject();
            while (reader.hasNext()) {
              claims.put(reader.nextName(), string(reader));
            }
            reader.endObject();
          }
          default ->
              throw new IllegalArgumentException(
                  "unknown field '%s', expected one of [sha256, name, groups, claims]"
                      .formatted(field));
        }
      }
      reader.endObject();
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw new IllegalStateException("more on the line");
      }
    }
    if (!HASH.matcher(hash).matches()) {
      throw new IllegalArgumentException(
          "sha256 has %d characters, expected 64 hex digits in lower case"
              .formatted(hash.length()));
    }
    if (name.isEmpty()) {
      throw new IllegalArgumentException("no name, expected what the caller is called");
    }
    Caller caller = Caller.ofToken(name, groups.build(), claims.buildOrThrow());
    Caller other = callers.put(HashCode.fromString(hash), caller);
    if (other != null) {
      throw new IllegalArgumentException(
          "the token of '%s' is that of '%s', too".formatted(name, other.name()));
    }
  }

  private static String string(JsonReader reader) throws IOException {
    if (reader.peek() != JsonToken.STRING) {
      throw new IllegalStateException("not a string");
    }
    return reader.nextString();
  }
}
