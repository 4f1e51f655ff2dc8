/**
 * The command line beside {@code serve}: everything that a person does to a host, or asks of it.
 */
@NullMarked
package dev.seriatim.server.cli;

import org.jspecify.annotations.NullMarked;
