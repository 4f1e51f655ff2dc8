/**
 * Attacks on a host, each with a neighbour that calls an object on a connection of its own
 * meanwhile: {@link dev.seriatim.conformance.attack.AttackMain} is the command.
 *
 * <p>An {@link dev.seriatim.conformance.attack.Attack} does to a {@link
 * dev.seriatim.conformance.attack.Victim}, a server in a process of its own with a small heap, what
 * no client should. A {@link dev.seriatim.conformance.attack.RawConnection} says what no gRPC
 * library would.
 */
@NullMarked
package dev.seriatim.conformance.attack;

import org.jspecify.annotations.NullMarked;
