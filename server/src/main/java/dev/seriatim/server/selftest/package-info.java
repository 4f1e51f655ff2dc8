/**
 * {@code selftest}: serves an object of its own on a free port, and calls it; what the JVM learns
 * from when it makes its cache of classes. Internal.
 */
@NullMarked
package dev.seriatim.server.selftest;

import org.jspecify.annotations.NullMarked;
