/**
 * One invocation onto one gRPC method handler, in bytes or JSON. Internal; knows nothing else here.
 */
@NullMarked
package dev.seriatim.service.dispatch;

import org.jspecify.annotations.NullMarked;
