package seriatim_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

func TestUniqueKeyIsAskedForOnce(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		asked := 0
		w.host.describe = func() (*seriatimv1.DescribeNamespaceResponse, error) {
			asked++
			if asked == 1 {
				return nil, status.Error(codes.Unavailable, "not yet")
			}
			return &seriatimv1.DescribeNamespaceResponse{Name: "COUNTER", UniqueKey: "mykey"}, nil
		}
		namespace := w.objects.Namespace("COUNTER")
		if _, err := namespace.GetByName("foo"); err != nil || asked != 0 {
			t.Errorf("got %v, asked %d times, expected 0", err, asked)
		}
		if _, err := namespace.IDFromName(w.t.Context(), "http://foo/"); status.Code(err) != codes.Unavailable {
			t.Errorf("got %v", err)
		}
		id, err := namespace.IDFromName(w.t.Context(), "http://foo/")
		if err != nil || id.String() != objectID {
			t.Errorf("got %v, %v", id, err)
		}
		if parsed, err := namespace.IDFromString(w.t.Context(), objectID); err != nil || !parsed.Equal(id) {
			t.Errorf("got %v, %v", parsed, err)
		}
		unique, err := namespace.NewUniqueID(w.t.Context())
		if err != nil || unique.Equal(id) {
			t.Errorf("got %v, %v", unique, err)
		}
		if _, err := w.objects.Namespace("COUNTER").NewUniqueID(w.t.Context()); err != nil {
			t.Error(err)
		}
		if asked != 2 {
			t.Errorf("asked %d times, expected 2", asked)
		}

		stub, err := namespace.GetByName("http://foo/")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := stub.ID(w.t.Context()); err != nil || !got.Equal(id) {
			t.Errorf("got %v, %v", got, err)
		}
	}, func(*play) {})
}

func TestWrongDescriptionsAreErrors(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		for _, description := range []*seriatimv1.DescribeNamespaceResponse{
			{}, {Name: "COUNTER"}, {Name: "OTHER", UniqueKey: "mykey"},
		} {
			w.host.describe = func() (*seriatimv1.DescribeNamespaceResponse, error) { return description, nil }
			if _, err := w.objects.Namespace("COUNTER").NewUniqueID(w.t.Context()); status.Code(err) != codes.Internal {
				t.Errorf("%v: got %v", description, err)
			}
		}
	}, func(*play) {})
}

func TestDescribingIsBoundedInTime(t *testing.T) {
	inWorld(t, &seriatim.Options{DescribeTimeout: 3 * time.Second}, func(w *world) {
		never := make(chan struct{})
		defer close(never)
		w.host.describe = func() (*seriatimv1.DescribeNamespaceResponse, error) { <-never; return nil, nil }
		namespace, start := w.objects.Namespace("COUNTER"), time.Now()
		impatient := make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
			defer cancel()
			_, err := namespace.NewUniqueID(ctx) // Either asks, or waits for the one who does.
			impatient <- err
		}()
		if _, err := namespace.NewUniqueID(w.t.Context()); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
		if err := <-impatient; status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
		if passed := time.Since(start); passed > 4*time.Second {
			t.Errorf("after %v, expected 4s at most", passed)
		}
	}, func(*play) {})
}

func TestKnownKeyNeedsNoHost(t *testing.T) {
	objects, err := seriatim.Connect("localhost:1", insecure.NewCredentials(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	namespace, err := objects.NamespaceWithKey("COUNTER", "mykey")
	if err != nil {
		t.Fatal(err)
	}
	id, err := namespace.IDFromName(t.Context(), "http://foo/")
	if err != nil || id.String() != objectID {
		t.Errorf("got %v, %v", id, err)
	}
	if _, err := objects.NamespaceWithKey("COUNTER", ""); err == nil {
		t.Error("an empty unique key was taken")
	}
}

func TestBadNamesAndIDsAreRefused(t *testing.T) {
	objects, err := seriatim.On(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	namespace, nameless := objects.Namespace("COUNTER"), objects.Namespace("")
	_, noName := namespace.GetByName("")
	_, longName := namespace.GetByName(strings.Repeat("x", 1025))
	_, badID := namespace.Get(seriatim.ID{})
	_, noNamespace := nameless.GetByName("foo")
	_, noKey := nameless.IDFromName(t.Context(), "foo")
	for _, wrong := range []struct {
		err     error
		message string
	}{
		{noName, "name has 0 bytes, expected 1 to 1024"},
		{longName, "name has 1025 bytes, expected 1 to 1024"},
		{badID, "the id is zero"},
		{noNamespace, "the namespace is empty"},
		{noKey, "the namespace is empty"},
	} {
		if wrong.err == nil || !strings.Contains(wrong.err.Error(), wrong.message) {
			t.Errorf("got %v, expected %q", wrong.err, wrong.message)
		}
	}
}

func TestStubsByIDOpenTheIDOrTheNameThatItKnows(t *testing.T) {
	ids := newIDs(t, "mykey")
	named := fromName(t, ids, "http://foo/")
	parsed, err := ids.FromString(objectID)
	if err != nil {
		t.Fatal(err)
	}
	other := ids.NewUniqueID()
	var opens []string
	inWorld(t, nil, func(w *world) {
		keyed, err := w.objects.NamespaceWithKey("COUNTER", "mykey")
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			namespace *seriatim.Namespace
			id        seriatim.ID
			expected  string
		}{
			{keyed, named, "<nil>"}, {keyed, parsed, "<nil>"}, {keyed, other, "HOST_VIOLATION"},
			// It isn't known here whether the id's key is this namespace's, so its name may be another object's.
			{w.objects.Namespace("COUNTER"), named, "<nil>"},
		} {
			stub, err := test.namespace.Get(test.id)
			if err != nil {
				t.Fatal(err)
			}
			if id, err := stub.ID(w.t.Context()); err != nil || !id.Equal(test.id) {
				t.Errorf("got %v, %v, expected %v", id, err, test.id)
			}
			_, err = seriatim.Call(w.t.Context(), w.counterOn(stub).Increment, nil).Get()
			if test.expected == "<nil>" && err != nil || test.expected != "<nil>" && !errors.Is(err, seriatim.Reason(test.expected)) {
				t.Errorf("%v: got %v, expected %s", stub, err, test.expected)
			}
			stub.Close()
			_ = stub.AwaitEnd(w.t.Context())
		}
	}, func(p *play) {
		frame := p.receive()
		opens = append(opens, frame.GetOpen().GetName()+"|"+frame.GetOpen().GetId())
		p.open()
		p.send(outcomes(1))
		p.receive()
	})
	expected := "http://foo/| |" + objectID + " |" + other.String() + " |" + objectID
	if got := strings.Join(opens, " "); got != expected {
		t.Errorf("opened %s, expected %s", got, expected)
	}
}

// A call on such a stub would run on an object of the wrong namespace.
func TestAnIDOfAnotherNamespaceIsRefused(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.host.describe = func() (*seriatimv1.DescribeNamespaceResponse, error) {
			return &seriatimv1.DescribeNamespaceResponse{Name: "COUNTER", UniqueKey: "mykey"}, nil
		}
		journal := w.objects.Namespace("JOURNAL")
		keyed, err := w.objects.NamespaceWithKey("JOURNAL", "journal-key")
		if err != nil {
			t.Fatal(err)
		}
		named, err := w.objects.Namespace("COUNTER").IDFromName(w.t.Context(), "n")
		if err != nil {
			t.Fatal(err)
		}
		unique, err := w.objects.Namespace("COUNTER").NewUniqueID(w.t.Context())
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := w.objects.Namespace("COUNTER").IDFromString(w.t.Context(), named.String())
		if err != nil {
			t.Fatal(err)
		}
		const of, elsewhere = `is of namespace 'COUNTER', expected one of namespace 'JOURNAL'`,
			`is of another namespace, expected one of namespace 'JOURNAL'`
		for _, test := range []struct {
			namespace *seriatim.Namespace
			id        seriatim.ID
			expected  string
		}{
			{journal, named, of}, {journal, unique, of}, {journal, parsed, of},
			{keyed, named, of}, {keyed, unique, of}, {keyed, parsed, of},
			{keyed, fromName(t, newIDs(t, "mykey"), "n"), elsewhere},
		} {
			_, err := test.namespace.Get(test.id)
			if !errors.Is(err, seriatim.ReasonInvalidID) || status.Code(err) != codes.InvalidArgument ||
				!strings.Contains(err.Error(), test.expected) || !strings.Contains(err.Error(), test.id.String()) {
				t.Errorf("%v: got %v, expected %q", test.id, err, test.expected)
			}
		}
	}, func(*play) { t.Error("a stub was opened") })
}
