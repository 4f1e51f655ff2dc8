package seriatim

import (
	"os"
	"testing"
)

// OnLanes tells whether the tests are played with stubs on shared calls; scripts/test-go plays them both ways.
func OnLanes() bool { return os.Getenv("SERIATIM_SHARED_CALLS") != "" }

// SameOnLanes leaves a test out where stubs are on shared calls: it is the same as with a call for each stub.
func SameOnLanes(t *testing.T) {
	t.Helper()
	if OnLanes() {
		t.Skip("is the same with a call for each stub")
	}
}
