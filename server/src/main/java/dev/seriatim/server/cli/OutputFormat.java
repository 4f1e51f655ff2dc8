package dev.seriatim.server.cli;

/** What a command prints. */
enum OutputFormat {
  /** For people. */
  TABLE,
  /** For programs: an object a line. */
  JSON
}
