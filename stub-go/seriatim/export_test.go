package seriatim

// Lanes is how many lanes the client's shared calls have, by their numbers and in all.
func (o *DurableObjects) Lanes() (numbered, open int) {
	o.host.shared.mu.Lock()
	defer o.host.shared.mu.Unlock()
	for _, call := range o.host.shared.calls {
		if call == nil {
			continue
		}
		call.mu.Lock()
		numbered += len(call.book.lanes)
		open += call.book.open
		call.mu.Unlock()
	}
	return numbered, open
}
