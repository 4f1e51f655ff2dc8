/**
 * Durable objects worth reading, each of which shows one idea, and clients for them. {@link
 * dev.seriatim.examples.Examples} brings the objects to a host.
 */
@NullMarked
package dev.seriatim.examples;

import org.jspecify.annotations.NullMarked;
