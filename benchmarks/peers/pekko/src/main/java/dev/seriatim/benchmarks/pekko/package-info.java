/** The benchmarks' counter on Apache Pekko Cluster Sharding, and the load on it. */
@NullMarked
package dev.seriatim.benchmarks.pekko;

import org.jspecify.annotations.NullMarked;
