package dev.seriatim.service.connect;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.wire.RequestFrame;
import org.jspecify.annotations.Nullable;

/**
 * One frame from a client: a request, or as much of one as there is, and what is wrong with it.
 *
 * @param bytes its size
 * @param fault why the stub breaks behind the frame's invocations, or null
 */
record Frame(RequestFrame request, int bytes, @Nullable BreakCause fault) implements Arrived {}
