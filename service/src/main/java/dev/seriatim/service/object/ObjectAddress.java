package dev.seriatim.service.object;

import dev.seriatim.stub.DurableObjectId;

/**
 * Which object a stub is opened on.
 *
 * @param id knows its name, if the stub is opened by name
 */
public record ObjectAddress(Namespace namespace, DurableObjectId id) {}
