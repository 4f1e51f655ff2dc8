package seriatim_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"seriatim.dev/go/seriatim"
)

func newIDs(t *testing.T, uniqueKey string) *seriatim.IDs {
	t.Helper()
	ids, err := seriatim.NewIDs(uniqueKey)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func fromName(t *testing.T, ids *seriatim.IDs, name string) seriatim.ID {
	t.Helper()
	id, err := ids.FromName(name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestDerivesTheSameIDAsTheOpenRuntime(t *testing.T) {
	got := fromName(t, newIDs(t, "mykey"), "http://foo/").String()
	if got != "59002eb8cf872e541722977a258a12d6a93bbe8192b502e1c0cb250aa91af234" {
		t.Errorf("got %s", got)
	}
}

func TestEqualComparesBytesAndForgetsTheName(t *testing.T) {
	ids := newIDs(t, "mykey")
	named := fromName(t, ids, "foo")
	parsed, err := ids.FromString(named.String())
	if err != nil {
		t.Fatal(err)
	}
	if !parsed.Equal(named) || parsed.Bytes() != named.Bytes() {
		t.Errorf("%v and %v differ", parsed, named)
	}
	if name, known := named.Name(); name != "foo" || !known {
		t.Errorf("name %q %v, expected foo", name, known)
	}
	if name, known := parsed.Name(); known {
		t.Errorf("name %q, expected none", name)
	}
}

func TestUniqueIDsDifferAndBelongToTheNamespace(t *testing.T) {
	ids := newIDs(t, "mykey")
	one := ids.NewUniqueID()
	if one.Equal(ids.NewUniqueID()) {
		t.Error("two unique ids are equal")
	}
	if parsed, err := ids.FromString(one.String()); err != nil || !parsed.Equal(one) {
		t.Errorf("got %v, %v, expected %v", parsed, err, one)
	}
}

func TestRefusesWhatIsNoIDOfTheNamespace(t *testing.T) {
	ids := newIDs(t, "mykey")
	digits := fromName(t, ids, "foo").String()
	const form = "expected 64 lower-case hex digits"
	for _, wrong := range []struct{ digits, message string }{
		{"", form},
		{digits[1:], form},
		{digits + "0", form},
		{strings.ToUpper(digits), form},
		{"g" + digits[1:], form},
		{strings.Repeat("é", 32), form},
		{fromName(t, newIDs(t, "other"), "foo").String(), "is of another namespace, expected one of this one"},
	} {
		if _, err := ids.FromString(wrong.digits); err == nil || !strings.Contains(err.Error(), wrong.message) ||
			!errors.Is(err, seriatim.ReasonInvalidID) {
			t.Errorf("%q: got %v, expected %q", wrong.digits, err, wrong.message)
		}
	}
	if _, err := seriatim.NewIDs(""); err == nil {
		t.Error("an empty unique key was taken")
	}
}

func TestNamesAreOneTo1024BytesOfUTF8(t *testing.T) {
	ids := newIDs(t, "mykey")
	for _, wrong := range []struct{ name, message string }{
		{"", "name has 0 bytes, expected 1 to 1024"},
		{strings.Repeat("é", 513), "name has 1026 bytes, expected 1 to 1024"},
		{"\xff", "not valid UTF-8"},
	} {
		if _, err := ids.FromName(wrong.name); err == nil || !strings.Contains(err.Error(), wrong.message) {
			t.Errorf("%q: got %v, expected %q", wrong.name, err, wrong.message)
		}
	}
	fromName(t, ids, strings.Repeat("é", 512))
}

// The vectors that every language is held to.
func TestIDVectors(t *testing.T) {
	text, err := os.ReadFile("../../conformance-tests/src/main/resources/vectors/ids.json")
	if err != nil {
		t.Fatal(err)
	}
	type vector struct {
		UniqueKey string `json:"unique_key"`
		Name      string
		Base      string
		ID        string
		Why       string
	}
	var vectors struct {
		Named        []vector
		Unique       []vector
		RefusedIDs   []vector `json:"refused_ids"`
		RefusedNames []vector `json:"refused_names"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors.Named {
		if id := fromName(t, newIDs(t, v.UniqueKey), v.Name); id.String() != v.ID {
			t.Errorf("%s: got %v, expected %s", v.Why, id, v.ID)
		}
	}
	for _, v := range vectors.Unique {
		id, err := newIDs(t, v.UniqueKey).FromString(v.ID)
		if bytes := id.Bytes(); err != nil || hex.EncodeToString(bytes[:16]) != v.Base {
			t.Errorf("base %s: got %v, %v", v.Base, id, err)
		}
	}
	for _, v := range vectors.RefusedIDs {
		if id, err := newIDs(t, v.UniqueKey).FromString(v.ID); err == nil {
			t.Errorf("%s: got %v, expected an error", v.Why, id)
		}
	}
	for _, v := range vectors.RefusedNames {
		if id, err := newIDs(t, "mykey").FromName(v.Name); err == nil {
			t.Errorf("%s: got %v, expected an error", v.Why, id)
		}
	}
	if len(vectors.Named) == 0 || len(vectors.Unique) == 0 || len(vectors.RefusedIDs) == 0 || len(vectors.RefusedNames) == 0 {
		t.Errorf("a list of vectors is empty: %+v", vectors)
	}
}
