/** The client library: stubs on durable objects, over any gRPC channel. */
@NullMarked
package dev.seriatim.stub;

import org.jspecify.annotations.NullMarked;
