// Package seriatim calls durable objects, in order, over gRPC.
//
// A durable object has a name, in a namespace, and one gRPC service. You open a Stub on it, and call it through
// the client that protoc generates for that service. Calls made through one stub run one at a time, in the order
// in which they were made, on the only live copy of that object. If a call throws, the stub is broken:
// everything behind it fails, nothing behind it ran, and you open a new stub.
//
//	objects, err := seriatim.Connect("localhost:7070", insecure.NewCredentials(), nil)
//	…
//	defer objects.Close()
//	stub, err := objects.Namespace("COUNTER").GetByName("foo")
//	…
//	defer stub.Close()
//	counter := counterpb.NewCounterClient(stub)
//	value, err := counter.Increment(ctx, &counterpb.IncrementRequest{Amount: 1})
//
// Such a call waits for its outcome. The function Call doesn't, so that one goroutine can make many.
//
// A stub is a gRPC call of its own, or with Options.SharedCalls one of many in a call: then a stub for each call, or for
// each of many objects, costs little.
//
// Every call that fails, fails with a *CallFailure, which says why, and whether this call had an effect.
package seriatim
