/** What hosts and stubs do, told through OpenTelemetry. */
@NullMarked
package dev.seriatim.telemetry;

import org.jspecify.annotations.NullMarked;
