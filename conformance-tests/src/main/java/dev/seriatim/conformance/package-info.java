/**
 * Holds a host to the contract: cases, what runs them, and the object that they drive.
 *
 * <p>{@link dev.seriatim.conformance.CaseRunner} runs a case against a {@link
 * dev.seriatim.conformance.Target}; {@link dev.seriatim.conformance.Main} is the command.
 */
@NullMarked
package dev.seriatim.conformance;

import org.jspecify.annotations.NullMarked;
