package seriatim

import (
	"slices"
	"strconv"
)

const (
	idBits    = 256
	digitBits = 4
)

// routeTable is what a client knows of where objects are, and which addresses it needs for that. A hint says that the
// objects whose ids begin with the same bits are at an address. The latest one counts; of those that are too many, the one
// goes that wasn't used for longest. It has no goroutine, lock or connection.
type routeTable struct {
	limit  int                // How many hints it holds, and how many ids of names.
	hints  map[string]*hint   // By prefix.
	widths []int              // Of how many bits prefixes are, the longest first.
	ids    map[string]*idHint // Ids of objects that were opened by name.
	uses   map[string]*use    // What each address is needed for.
	unused []string
	clock  uint64 // Counts what is looked up.
}

type hint struct {
	address string
	width   int
	used    uint64
}

type idHint struct {
	id   string
	used uint64
}

type use struct{ hints, stubs int }

func newRouteTable(limit int) routeTable {
	return routeTable{
		limit: limit, hints: map[string]*hint{}, ids: map[string]*idHint{}, uses: map[string]*use{},
	}
}

// open says where to open a stub on this object, which then counts as open there until it has ended; "" if nothing is
// known. The path is the namespace and the name, if the caller doesn't know the id.
func (t *routeTable) open(path, id string) (address string) {
	if len(t.hints) == 0 {
		return ""
	}
	t.clock++
	if id == "" {
		known := t.ids[path]
		if known == nil {
			return ""
		}
		known.used = t.clock
		id = known.id
	}
	for _, width := range t.widths {
		if h := t.hints[prefixOf(id, width)]; h != nil {
			h.used = t.clock
			t.use(h.address).stubs++
			return h.address
		}
	}
	return ""
}

// ended is that a stub is over that was opened here.
func (t *routeTable) ended(address string) {
	t.use(address).stubs--
	t.dropIfUnused(address)
}

// learn is that a host says that this object is there, and with it those whose ids begin with so many same bits: 0, if it
// speaks of this object alone. More than an id has mean nothing, and neither does an empty address. With a path, that is the
// name of the object.
func (t *routeTable) learn(path, id, address string, bits uint32) {
	if bits > idBits || address == "" {
		return
	}
	width := int(bits)
	if width == 0 {
		width = idBits
	}
	t.use(address).hints++ // First, so that it isn't unused in between.
	t.forget(id)
	t.clock++
	t.hints[prefixOf(id, width)] = &hint{address: address, width: width, used: t.clock}
	if len(t.hints) > t.limit {
		t.remove(eldest(t.hints, func(h *hint) uint64 { return h.used }))
	}
	t.countWidths()
	if path == "" {
		return
	}
	t.ids[path] = &idHint{id: id, used: t.clock}
	if len(t.ids) > t.limit {
		delete(t.ids, eldest(t.ids, func(h *idHint) uint64 { return h.used }))
	}
}

// forget is that an object is where stubs are opened without a hint.
func (t *routeTable) forget(id string) {
	for _, width := range t.widths {
		if prefix := prefixOf(id, width); t.hints[prefix] != nil {
			t.remove(prefix)
		}
	}
	t.countWidths()
}

// forgetAddress is that a stub that was opened here says that it wasn't a good idea.
func (t *routeTable) forgetAddress(address string) {
	if use := t.uses[address]; use == nil || use.hints == 0 {
		return
	}
	for prefix, h := range t.hints {
		if h.address == address {
			t.remove(prefix)
		}
	}
	t.countWidths()
}

// takeUnused gives the addresses that no hint and no stub needs any more, since it was last asked.
func (t *routeTable) takeUnused() []string {
	taken := slices.DeleteFunc(t.unused, func(address string) bool { return t.uses[address] != nil })
	t.unused = nil
	return taken
}

func (t *routeTable) remove(prefix string) {
	address := t.hints[prefix].address
	delete(t.hints, prefix)
	t.use(address).hints--
	t.dropIfUnused(address)
}

func (t *routeTable) countWidths() {
	t.widths = t.widths[:0]
	for _, h := range t.hints {
		if !slices.Contains(t.widths, h.width) {
			t.widths = append(t.widths, h.width)
		}
	}
	slices.SortFunc(t.widths, func(a, b int) int { return b - a })
}

func (t *routeTable) use(address string) *use {
	known := t.uses[address]
	if known == nil {
		known = &use{}
		t.uses[address] = known
	}
	return known
}

func (t *routeTable) dropIfUnused(address string) {
	if *t.uses[address] == (use{}) {
		delete(t.uses, address)
		t.unused = append(t.unused, address)
	}
}

func eldest[V any](all map[string]V, used func(V) uint64) (key string) {
	least := ^uint64(0)
	for k, v := range all {
		if used(v) < least {
			key, least = k, used(v)
		}
	}
	return key
}

// prefixOf is the first bits of an id, and how many they are.
func prefixOf(id string, bits int) string {
	whole, rest := bits/digitBits, bits%digitBits
	prefix := strconv.Itoa(bits) + "/" + id[:whole]
	if rest == 0 {
		return prefix
	}
	digit, _ := strconv.ParseUint(id[whole:whole+1], 16, 8)
	return prefix + strconv.FormatUint(digit>>(digitBits-rest), 16)
}
