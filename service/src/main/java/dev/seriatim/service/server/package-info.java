/** The program: configuration, TLS, health, reflection and the command line. Internal. */
@NullMarked
package dev.seriatim.service.server;

import org.jspecify.annotations.NullMarked;
