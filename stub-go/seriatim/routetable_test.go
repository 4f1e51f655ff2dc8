package seriatim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

const south, north = "south:1", "north:2"

func idWith(digits string) string { return digits + strings.Repeat("0", 64-len(digits)) }

// opens fails the test if a stub on the object with this id is opened anywhere else.
func opens(t *testing.T, table *routeTable, digits, expected string) {
	t.Helper()
	if got := table.open("", idWith(digits)); got != expected {
		t.Errorf("%s is opened at %q, expected %q", digits, got, expected)
	}
}

func unused(t *testing.T, table *routeTable, expected ...string) {
	t.Helper()
	if got := table.takeUnused(); !slices.Equal(got, expected) {
		t.Errorf("unused are %q, expected %q", got, expected)
	}
}

func TestAHintIsForAllWhoseIDsBeginWithTheSameBits(t *testing.T) {
	table := newRouteTable(4)
	table.learn("", idWith("ab7"), south, 10)
	opens(t, &table, "ab7", south)
	opens(t, &table, "ab4fff", south)
	opens(t, &table, "ab3", "")
	opens(t, &table, "ab8", "")
}

func TestAHintWithoutBitsIsForOneObject(t *testing.T) {
	table := newRouteTable(4)
	table.learn("", idWith("ab7"), south, 0)
	opens(t, &table, "ab7", south)
	opens(t, &table, "ab71", "")
}

func TestAHintThatSaysNothingIsNoHint(t *testing.T) {
	table := newRouteTable(4)
	table.learn("", idWith("ab7"), south, 257)
	table.learn("", idWith("ab7"), "", 10)
	opens(t, &table, "ab7", "")
	unused(t, &table)
}

func TestANameIsKnownOnceAnObjectOfThatNameHadAHint(t *testing.T) {
	table := newRouteTable(4)
	table.learn("A/x", idWith("ab7"), south, 10)
	table.learn("A/z", idWith("ab6"), north, 10)
	for path, expected := range map[string]string{"A/x": north, "A/z": north, "A/y": ""} {
		if got := table.open(path, ""); got != expected {
			t.Errorf("%s is opened at %q, expected %q", path, got, expected)
		}
	}
}

func TestTheLatestHintCountsHoweverManyBitsItHas(t *testing.T) {
	table := newRouteTable(4)
	table.learn("", idWith("ab7"), south, 12)
	table.learn("", idWith("ab7"), north, 8)
	opens(t, &table, "ab7", north)
	unused(t, &table, south)
	table.learn("", idWith("ab7"), south, 12)
	opens(t, &table, "ab7", south)
	opens(t, &table, "ab8", "")
	unused(t, &table)
}

func TestAnAddressIsForgottenWithAllItsHints(t *testing.T) {
	table := newRouteTable(4)
	table.learn("", idWith("1"), south, 4)
	table.learn("", idWith("2"), north, 4)
	table.learn("", idWith("3"), south, 4)
	opens(t, &table, "1", south)
	table.forgetAddress(south)
	opens(t, &table, "1", "")
	opens(t, &table, "3", "")
	opens(t, &table, "2", north)
	unused(t, &table) // A stub is still open there.
	table.ended(south)
	unused(t, &table, south)
	unused(t, &table)
}

func TestTheHintGoesThatWasNotUsedForLongest(t *testing.T) {
	table := newRouteTable(4)
	for i := range 4 {
		table.learn("", idWith(fmt.Sprint(i)), fmt.Sprint("host:", i), 4)
	}
	opens(t, &table, "0", "host:0")
	table.learn("", idWith("5"), "host:5", 4)
	opens(t, &table, "1", "")
	opens(t, &table, "0", "host:0")
	unused(t, &table, "host:1")
}

// Whatever happens, no address is lost or kept: each that was learnt is unused once, when nothing needs it.
func TestNoAddressIsLostOrKept(t *testing.T) {
	SameOnLanes(t)
	for _, seed := range Seeds(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		table := newRouteTable(3)
		stubs, known := map[string]int{}, map[string]bool{}
		check := func() {
			for _, address := range table.takeUnused() {
				if stubs[address] > 0 || !known[address] {
					t.Fatalf("seed %d: %s is unused, with %d stubs", seed, address, stubs[address])
				}
				delete(known, address)
			}
		}
		for range 200 {
			id, address := idWith(fmt.Sprintf("%x", random.IntN(16))), fmt.Sprint("host:", random.IntN(4))
			switch random.IntN(5) {
			case 0:
				table.learn("A/"+id, id, address, 1+random.Uint32N(4))
				known[address] = true
			case 1:
				table.forget(id)
			case 2:
				table.forgetAddress(address)
			case 3:
				if opened := table.open("A/"+id, ""); opened != "" {
					stubs[opened]++
				}
			default:
				if stubs[address] > 0 {
					stubs[address]--
					table.ended(address)
				}
			}
			check()
			if len(table.hints) > 3 || len(table.ids) > 3 {
				t.Fatalf("seed %d: %d hints and %d ids, expected at most 3", seed, len(table.hints), len(table.ids))
			}
		}
		for i := range 4 {
			table.forgetAddress(fmt.Sprint("host:", i))
		}
		for address, count := range stubs {
			for range count {
				table.ended(address)
			}
			stubs[address] = 0
		}
		check()
		if len(known) > 0 || len(table.uses) > 0 {
			t.Fatalf("seed %d: %v are left, and %v", seed, known, table.uses)
		}
	}
}
