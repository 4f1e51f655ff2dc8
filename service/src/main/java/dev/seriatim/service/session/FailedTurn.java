package dev.seriatim.service.session;

/**
 * An invocation that has broken its stub.
 *
 * @param method what it called
 * @param ran whether its turn had begun
 */
public record FailedTurn(String method, boolean ran) {}
