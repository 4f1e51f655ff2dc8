/**
 * The frames of {@code Connect} as bytes. Internal: for this project's own client and host.
 *
 * <p>The generated classes would do the same. They make some ten objects for each invocation, three
 * of them for a map that is nearly always empty, and so take about a third of all the time that a
 * call takes among thousands in flight. Here only what every frame has is read and written by hand;
 * all that is rare goes through the generated classes. A test holds the one to the other, byte by
 * byte.
 */
@NullMarked
package dev.seriatim.wire;

import org.jspecify.annotations.NullMarked;
