/**
 * One stub, whatever carries it: its numbers, its queue, its outcomes behind their gates, its
 * break. Internal.
 */
@NullMarked
package dev.seriatim.service.session;

import org.jspecify.annotations.NullMarked;
