/** {@code serve}: configuration, TLS, health, reflection, and the way down. Internal. */
@NullMarked
package dev.seriatim.server.serve;

import org.jspecify.annotations.NullMarked;
