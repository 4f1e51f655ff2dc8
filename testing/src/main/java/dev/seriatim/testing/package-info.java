/**
 * A test kit for people who write durable objects: a real host in the test's own process, with a
 * clock that the test moves, and a store that fails when the test says so.
 */
@NullMarked
package dev.seriatim.testing;

import org.jspecify.annotations.NullMarked;
