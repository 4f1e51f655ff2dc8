/**
 * Threads that last as long as their host, and what has to be done whatever is thrown. Internal.
 */
@NullMarked
package dev.seriatim.service.threads;

import org.jspecify.annotations.NullMarked;
