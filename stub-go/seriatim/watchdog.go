package seriatim

import "time"

// watchdog has the timers of one session: for the opening of the stub, for the end of its connection, and for the
// deadlines of its calls. It decides nothing. Guarded by the session's lock; what it wakes runs on a goroutine of its own,
// without the lock.
type watchdog struct {
	opening *time.Timer // nil before the first call.
	ending  *time.Timer // Set when all that is left is for the host to end the connection.
	again   *time.Timer // Set while the stub has lost its connection, and may get another one.
	look    *time.Timer // nil, if no deadline is watched.
	lookAt  time.Time
}

func (w *watchdog) expectOpening(within time.Duration, late func()) {
	w.opening = time.AfterFunc(within, late)
}

// opened is that the stub has been opened, or never will be on this connection.
func (w *watchdog) opened() {
	w.opening.Stop()
	if w.again != nil {
		w.again.Stop()
	}
}

// resumeBy has someone look at this time whether the stub can be resumed.
func (w *watchdog) resumeBy(t time.Time, resume func()) {
	if w.again != nil {
		w.again.Stop()
	}
	w.again = time.AfterFunc(time.Until(t), resume)
}

// expectEnd begins to wait for the end, unless it does so already.
func (w *watchdog) expectEnd(within time.Duration, late func()) {
	if w.ending == nil {
		w.ending = time.AfterFunc(within, late)
	}
}

// lookBy has someone look for overdue answers at this time, or before.
func (w *watchdog) lookBy(t time.Time, look func()) {
	if w.look != nil {
		if !t.Before(w.lookAt) {
			return
		}
		w.look.Stop()
	}
	w.lookAt = t
	w.look = time.AfterFunc(time.Until(t), look)
}

// looks is that someone looks now.
func (w *watchdog) looks() {
	if w.look != nil {
		w.look.Stop()
		w.look = nil
	}
}

// stop is the end of the stub: only the end of the connection is still waited for.
func (w *watchdog) stop() {
	if w.opening != nil {
		w.opened()
	}
	w.looks()
}

// stopAll is the end of the connection.
func (w *watchdog) stopAll() {
	w.stop()
	if w.ending != nil {
		w.ending.Stop()
	}
}
