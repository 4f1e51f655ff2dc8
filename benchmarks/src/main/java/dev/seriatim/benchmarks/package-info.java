/**
 * Measures Seriatim beside bare gRPC and bare SQLite, in the same run. Started by scripts/bench.
 */
@NullMarked
package dev.seriatim.benchmarks;

import org.jspecify.annotations.NullMarked;
