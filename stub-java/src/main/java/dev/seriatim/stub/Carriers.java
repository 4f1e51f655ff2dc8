package dev.seriatim.stub;

import io.grpc.Channel;
import org.jspecify.annotations.Nullable;

/**
 * What a client's stubs are carried by.
 *
 * @param channel the way to the host
 * @param sharedCalls null if each stub has a call of its own
 * @param routes null if the client follows none
 */
record Carriers(Channel channel, @Nullable SharedCalls sharedCalls, @Nullable Routes routes) {}
