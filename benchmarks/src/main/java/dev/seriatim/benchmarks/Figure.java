package dev.seriatim.benchmarks;

/**
 * One line of the result.
 *
 * @param value the median of the rounds
 * @param low the lowest round
 * @param high the highest round
 * @param reference what it is held against, or empty
 * @param referenceValue the reference's median, in the same unit
 * @param ratio value to reference
 * @param target what the ratio, or the value if there is no reference, should be; empty if anything
 * @param met whether it is
 */
record Figure(
    String figure,
    double value,
    double low,
    double high,
    String unit,
    String reference,
    double referenceValue,
    double ratio,
    String target,
    boolean met) {}
