/**
 * Holds client libraries to the client cases: a scripted host, drivers in several languages, and a
 * runner that compares what their callers saw with what they should have seen.
 */
@NullMarked
package dev.seriatim.conformance.client;

import org.jspecify.annotations.NullMarked;
