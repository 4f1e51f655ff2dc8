package dev.seriatim.server.serve;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.encoder.Encoder;

/** What the program's log looks like. */
enum LogFormat {
  /** For people: a line for each record, and indented ones for its stack trace. */
  TEXT {
    @Override
    Encoder<ILoggingEvent> encoder() {
      return new TextLines();
    }
  },

  /** For programs: one object of JSON for each line, and one line for each record. */
  JSON {
    @Override
    Encoder<ILoggingEvent> encoder() {
      return new JsonLines();
    }
  };

  abstract Encoder<ILoggingEvent> encoder();
}
