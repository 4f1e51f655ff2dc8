package dev.seriatim.stub;

/** How small a number among the options may be. */
final class CountRange {
  private CountRange() {}

  static int atLeastOne(String name, int value) {
    return (int) checked(name, value, 1);
  }

  static long atLeastOne(String name, long value) {
    return checked(name, value, 1);
  }

  static int notNegative(String name, int value) {
    return (int) checked(name, value, 0);
  }

  private static long checked(String name, long value, long least) {
    if (value < least) {
      throw new IllegalArgumentException(name + " " + value + ", expected at least " + least);
    }
    return value;
  }
}
