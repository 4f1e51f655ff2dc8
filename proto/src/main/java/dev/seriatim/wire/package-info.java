/**
 * The frames of {@code Connect} as bytes, and what else client and host write alike. Internal: for
 * this project's own client and host.
 *
 * <p>The generated classes would do the same. They make some ten objects for each invocation, three
 * of them for a map that is nearly always empty, and so take about a third of all the time that a
 * call takes among thousands in flight. Here what every frame has is read and written by hand. JSON
 * and metadata stay bytes until they are asked for, so that what is wrong with them, or nested too
 * deep, is found in the place of its invocation; then they go through the generated classes. A test
 * holds the one to the other, byte by byte.
 */
@NullMarked
package dev.seriatim.wire;

import org.jspecify.annotations.NullMarked;
