package dev.seriatim.examples;

import dev.seriatim.examples.v1.AccountGrpc;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.examples.v1.JournalGrpc;
import dev.seriatim.examples.v1.ReminderGrpc;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;

/**
 * The namespaces of the examples. The server finds this class through {@code META-INF/services}.
 */
public final class Examples implements DurableObjectProvider {
  @Override
  public void addTo(DurableObjectHost.Builder host) {
    host.namespace("ACCOUNT", AccountGrpc.getServiceDescriptor(), Account::new)
        .namespace("COUNTER", CounterGrpc.getServiceDescriptor(), Counter::new)
        .namespace("JOURNAL", JournalGrpc.getServiceDescriptor(), Journal::new)
        .namespace("REMINDER", ReminderGrpc.getServiceDescriptor(), Reminder::new);
  }
}
