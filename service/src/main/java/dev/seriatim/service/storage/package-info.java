/**
 * What durable objects keep: the turn's writes, the output gate, group commit, the stores and the
 * alarms. Internal: it may change in any release. Knows nothing of the host's other packages.
 *
 * <p>One {@link dev.seriatim.service.storage.StorageEngine} per host. One {@link
 * dev.seriatim.service.storage.ObjectLog} per object that is live or has commits under way; it
 * numbers the object's commits. One {@link dev.seriatim.service.storage.TurnStorage} per instance
 * of the object; it is what the object's own code is given, and what brackets its turns.
 */
@NullMarked
package dev.seriatim.service.storage;

import org.jspecify.annotations.NullMarked;
