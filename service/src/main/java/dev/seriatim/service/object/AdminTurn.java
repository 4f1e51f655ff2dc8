package dev.seriatim.service.object;

/** The execution of code that isn't the object's, on its storage. */
final class AdminTurn extends Turn {
  /** What stands for the name of a method. */
  static final String METHOD = "an operator's turn";

  private final Order.Run<?> order;

  AdminTurn(long number, Instance instance, Order.Run<?> order) {
    super(number, instance);
    this.order = order;
  }

  /** Who has asked for it. */
  Order.Run<?> order() {
    return order;
  }

  @Override
  String method() {
    return METHOD;
  }

  @Override
  public String toString() {
    return METHOD;
  }
}
