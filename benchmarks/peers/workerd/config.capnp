# workerd, with one worker and its Durable Objects. The address and the directory are given on the command line.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "counters", worker = .counters),
    (name = "data", disk = (writable = true)),
  ],
  sockets = [ (name = "http", http = (), service = "counters") ],
);

const counters :Workerd.Worker = (
  modules = [
    (name = "counters.js", esModule = embed "counters.js"),
    (name = "capnweb", esModule = embed "node_modules/capnweb/dist/index-workers.js"),
  ],
  compatibilityDate = "2026-11-01",

  # Both classes have SQLite on the local disk. An object that stores nothing doesn't write to it.
  durableObjectNamespaces = [
    (className = "Counter", uniqueKey = "Counter", enableSql = true, preventEviction = true),
    (className = "DurableCounter", uniqueKey = "DurableCounter", enableSql = true, preventEviction = true),
  ],
  durableObjectStorage = (localDisk = "data"),
  bindings = [
    (name = "memory", durableObjectNamespace = "Counter"),
    (name = "durable", durableObjectNamespace = "DurableCounter"),
  ],
);
