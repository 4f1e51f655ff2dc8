/**
 * Who a caller is and what it may: tokens, certificates, and the policy. Knows the API only, and
 * nothing of the host. Internal.
 */
@NullMarked
package dev.seriatim.service.access;

import org.jspecify.annotations.NullMarked;
