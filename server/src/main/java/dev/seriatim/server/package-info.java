/**
 * The program: one jar, which serves objects and works with those that are served. Each subcommand
 * is a line in {@link dev.seriatim.server.Main}. Internal, but for the command line.
 */
@NullMarked
package dev.seriatim.server;

import org.jspecify.annotations.NullMarked;
