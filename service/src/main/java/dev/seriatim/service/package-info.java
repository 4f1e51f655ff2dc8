/**
 * The host of durable objects: what someone needs who writes objects or embeds a host.
 *
 * <p>An object is an ordinary gRPC service, made by a {@link
 * dev.seriatim.service.DurableObjectFactory} from its {@link
 * dev.seriatim.service.DurableObjectState}. A {@link dev.seriatim.service.DurableObjectHost} serves
 * the objects of its namespaces. The packages below this one are internal.
 *
 * <pre>{@code
 * DurableObjectHost host =
 *     DurableObjectHost.builder()
 *         .namespace("COUNTER", CounterGrpc.getServiceDescriptor(), Counter::new)
 *         .build()
 *         .start();
 * }</pre>
 */
@NullMarked
package dev.seriatim.service;

import org.jspecify.annotations.NullMarked;
