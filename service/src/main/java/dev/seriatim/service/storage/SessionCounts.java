package dev.seriatim.service.storage;

/**
 * How many rows the store has of one object that have not expired.
 *
 * @param sessions those of sessions
 * @param keys those of idempotency keys
 */
public record SessionCounts(long sessions, long keys) {}
