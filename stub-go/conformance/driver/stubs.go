package main

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc/credentials/insecure"

	"seriatim.dev/go/seriatim"
)

// openedStub is a stub, and what its break listener counts.
type openedStub struct {
	*seriatim.Stub // nil, if it was refused.
	name           string
	told           atomic.Int32
	first          chan struct{} // Closed when the listener was called for the first time.
}

func (s *session) open(step *openStep) error {
	namespace, err := namespaceOf(s.objects, step.Namespace, step.UniqueKey)
	if err != nil {
		return err
	}
	if step.Resumable {
		namespace = namespace.Resumable()
	}
	stub, err := s.get(namespace, step)
	if err != nil {
		return err
	}
	opened := &openedStub{Stub: stub, name: step.Stub, first: make(chan struct{})}
	if stub != nil {
		stub.OnBreak(func(*seriatim.FailureCause) {
			if opened.told.Add(1) == 1 {
				close(opened.first)
			}
		})
	}
	s.stubs = append(s.stubs, opened)
	s.byName[step.Stub] = opened
	return nil
}

func namespaceOf(objects *seriatim.DurableObjects, name, uniqueKey string) (*seriatim.Namespace, error) {
	if uniqueKey == "" {
		return objects.Namespace(name), nil
	}
	return objects.NamespaceWithKey(name, uniqueKey)
}

// get gives no stub, if it has to be got with an id of elsewhere and is refused.
func (s *session) get(namespace *seriatim.Namespace, step *openStep) (*seriatim.Stub, error) {
	if step.IDOf != nil {
		stub, result := s.getWith(namespace, step.IDOf)
		s.calls = append(s.calls, done(result))
		return stub, nil
	}
	if step.Name != "" {
		return namespace.GetByName(step.Name)
	}
	id, err := namespace.IDFromString(context.Background(), step.ID)
	if err != nil {
		return nil, err
	}
	return namespace.Get(id)
}

func (s *session) getWith(namespace *seriatim.Namespace, from *idOf) (*seriatim.Stub, result) {
	id, err := s.make(from)
	if err != nil {
		return nil, failed(err)
	}
	stub, err := namespace.Get(id)
	if err != nil {
		return nil, failed(err)
	}
	return stub, result{OK: true, Text: id.String()}
}

func (s *session) make(from *idOf) (seriatim.ID, error) {
	objects := s.objects
	if from.OtherClient {
		var err error
		if objects, err = seriatim.Connect(s.target, insecure.NewCredentials(), nil); err != nil {
			return seriatim.ID{}, err
		}
		defer objects.Close()
	}
	namespace, err := namespaceOf(objects, from.Namespace, from.UniqueKey)
	if err != nil {
		return seriatim.ID{}, err
	}
	if from.Name != "" {
		return namespace.IDFromName(context.Background(), from.Name)
	}
	return namespace.IDFromString(context.Background(), from.Digits)
}
