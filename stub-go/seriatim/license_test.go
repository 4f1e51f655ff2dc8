package seriatim_test

import (
	"os"
	"testing"
)

// A Go module has only the files below its go.mod, so the license is there a second time.
func TestTheModuleHasTheLicense(t *testing.T) {
	ours, err := os.ReadFile("../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	if whole, err := os.ReadFile("../../LICENSE"); err == nil && string(ours) != string(whole) {
		t.Error("stub-go/LICENSE differs from LICENSE at the top of the tree")
	}
}
