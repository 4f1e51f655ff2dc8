/**
 * Many hosts over one store: Apache Pekko says which host has which slot, PostgreSQL sees to it
 * that a host which is wrong about that can do no harm, and each host passes on what another has.
 */
@NullMarked
package dev.seriatim.cluster;

import org.jspecify.annotations.NullMarked;
