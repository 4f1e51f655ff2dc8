package seriatim

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
)

// MaxNameBytes is the length of the longest name of an object, in bytes of UTF-8.
const MaxNameBytes = 1024

const (
	idBytes   = 32
	baseBytes = 16
)

// ID is the identity of one durable object: 32 bytes, shown as 64 lower-case hex digits. Two ids are equal if
// their bytes are; the name doesn't count, so use Equal, and String or Bytes as the key of a map.
type ID struct {
	_     [0]func() // Not comparable with ==, which would look at the name.
	bytes [idBytes]byte
	name  string
	maker *IDs // Whose id it is.
}

// Bytes are the 32 bytes.
func (id ID) Bytes() [32]byte { return id.bytes }

// Name is the name from which this id was derived, if it was made from a name. An id that was made from hex
// digits or at random doesn't know its name, even if it has one.
func (id ID) Name() (name string, known bool) { return id.name, id.name != "" }

// Equal compares the bytes.
func (id ID) Equal(other ID) bool { return id.bytes == other.bytes }

// String is the 64 lower-case hex digits.
func (id ID) String() string { return hex.EncodeToString(id.bytes[:]) }

// IDs makes and checks the ids of one namespace. It needs nothing but the namespace's unique key, and no
// connection: every client and every host derives the same ids.
//
// An id is a base of 16 bytes, followed by a check of 16 bytes that only this namespace's key gives. Safe for
// any number of goroutines.
type IDs struct {
	key       [sha256.Size]byte
	namespace *Namespace // nil, if these ids were made without a client.
}

// NewIDs gives the ids of the namespace that has this unique key, which must not be empty.
func NewIDs(uniqueKey string) (*IDs, error) {
	if uniqueKey == "" {
		return nil, errors.New("seriatim: unique key is empty, expected at least one character")
	}
	return &IDs{key: sha256.Sum256([]byte(uniqueKey))}, nil
}

// FromName is the id of the object with this name; the same for ever. An error with ReasonInvalidID, if the name isn't
// 1 to MaxNameBytes bytes of UTF-8.
func (ids *IDs) FromName(name string) (ID, error) {
	if err := checkName(name); err != nil {
		return ID{}, err
	}
	id := ids.withCheck(ids.hmac([]byte(name)))
	id.name, id.maker = name, ids
	return id, nil
}

// FromString is the id that these digits show. An error with ReasonInvalidID, if it isn't 64 lower-case hex digits, or
// is the id of another namespace.
func (ids *IDs) FromString(digits string) (ID, error) {
	if !isID(digits) {
		return ID{}, invalidID("id '%s', expected 64 lower-case hex digits", abbreviate(digits))
	}
	var given ID
	if _, err := hex.Decode(given.bytes[:], []byte(digits)); err != nil {
		return ID{}, invalidID("id '%s': %v", digits, err)
	}
	if !ids.fit(given) {
		return ID{}, invalidID("id '%s' is of another namespace, expected one of %s", digits, ids)
	}
	given.maker = ids
	return given, nil
}

// NewUniqueID is a new id that no one else has.
func (ids *IDs) NewUniqueID() ID {
	var base [baseBytes]byte
	rand.Read(base[:]) // Never fails.
	id := ids.withCheck(base)
	id.maker = ids
	return id
}

// fit tells whether an id is one of these.
func (ids *IDs) fit(id ID) bool {
	return id.maker != nil && id.maker.key == ids.key || id.Equal(ids.withCheck([baseBytes]byte(id.bytes[:baseBytes])))
}

// String is the namespace, as far as it is known.
func (ids *IDs) String() string {
	if ids.namespace == nil {
		return "this one"
	}
	return fmt.Sprintf("namespace '%s'", ids.namespace.name)
}

func (ids *IDs) withCheck(base [baseBytes]byte) ID {
	var id ID
	check := ids.hmac(base[:])
	copy(id.bytes[:baseBytes], base[:])
	copy(id.bytes[baseBytes:], check[:])
	return id
}

// hmac is the first half of the HMAC.
func (ids *IDs) hmac(text []byte) [baseBytes]byte {
	mac := hmac.New(sha256.New, ids.key[:])
	mac.Write(text)
	return [baseBytes]byte(mac.Sum(nil)[:baseBytes])
}

func checkName(name string) error {
	if !utf8.ValidString(name) {
		return invalidID("name %q is not valid UTF-8", abbreviate(name))
	}
	if len(name) < 1 || len(name) > MaxNameBytes {
		return invalidID("name has %d bytes, expected 1 to %d", len(name), MaxNameBytes)
	}
	return nil
}

// invalidID is the error for what is no id or no name of a namespace. It breaks nothing.
func invalidID(format string, args ...any) error {
	return newCause(ReasonInvalidID, codes.InvalidArgument, fmt.Sprintf(format, args...))
}

func isID(digits string) bool {
	for i := range len(digits) {
		if c := digits[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(digits) == 2*idBytes
}

func abbreviate(text string) string {
	if len(text) <= 80 {
		return text
	}
	return text[:80] + "…"
}
