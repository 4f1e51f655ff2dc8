/**
 * Who calls, and what they may: asks the host's {@link dev.seriatim.service.Authenticator} and
 * {@link dev.seriatim.service.Authorizer}, and remembers what they said for as long as it counts.
 * Internal.
 */
@NullMarked
package dev.seriatim.service.caller;

import org.jspecify.annotations.NullMarked;
