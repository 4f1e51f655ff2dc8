package dev.seriatim.service.storage;

import com.google.common.io.BaseEncoding;
import com.google.protobuf.ByteString;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.wire.ObjectPath;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/** Which object: its namespace and the 32 bytes of its id. */
record ObjectKey(String namespace, ByteString id) {
  static final int SLOTS = 1024;

  ObjectKey(String namespace, DurableObjectId id) {
    this(namespace, id.toByteString());
  }

  /** The slot that this object falls into. */
  int slot() {
    return slotOf(id);
  }

  /** The id's first ten bits. */
  static int slotOf(ByteString id) {
    return (id.byteAt(0) & 0xff) << 2 | (id.byteAt(1) & 0xff) >> 6;
  }

  String hexId() {
    return BaseEncoding.base16().lowerCase().encode(id.toByteArray());
  }

  /** A record of this object, in that log; with its name, if that is known. */
  LoggingEventBuilder logEvent(Logger logger, Level level, @Nullable String name) {
    LoggingEventBuilder event = logger.atLevel(level).addKeyValue("namespace", namespace);
    return (name == null ? event : event.addKeyValue("object", name)).addKeyValue("id", hexId());
  }

  @Override
  public String toString() {
    return ObjectPath.byId(namespace, hexId());
  }
}
