// Command linear calls counters and registers from many callers at once, whatever becomes of their hosts meanwhile, and then
// looks for an order of all calls to each of them that explains every answer: one in which no call stands before another that
// had ended when it began. If there is none, a call was lost or doubled, or a read was stale.
//
// usage: scripts/linear [--target HOST:PORT,...] [--seconds N] [--counters N] [--registers N] [--callers N] [--shared N]
// [--patience N] [--search N]
//
// It exits with 1 if there is no such order, and with 3 if it had no time to find out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"time"
)

// errFaulty is a history that no order explains.
var errFaulty = errors.New("no order of these calls explains their answers")

// errUndecided is a history for which the search took too long.
var errUndecided = errors.New("there was no time to find an order of these calls, or that there is none")

func main() {
	log.SetFlags(0)
	targets := flag.String("target", "localhost:7070", "where the hosts listen, with commas between them: callers go to each in turn")
	var load load
	seconds := flag.Float64("seconds", 10, "for how long calls are made")
	flag.IntVar(&load.counters, "counters", 8, "how many counters are called, through stubs")
	flag.IntVar(&load.registers, "registers", 2, "how many registers are read, written and compared and set, through the admin service")
	flag.IntVar(&load.callers, "callers", 4, "how many callers each of them has, each with a stub of its own")
	flag.IntVar(&load.shared, "shared", 0, "how many shared calls carry the stubs; 0: each has a call of its own")
	patience := flag.Float64("patience", 60, "for how many seconds an object may not be had at the end")
	search := flag.Float64("search", 60, "for how many seconds an order is looked for")
	flag.Parse()
	load.targets = strings.Split(*targets, ",")
	load.time = inSeconds(*seconds)
	load.patience = inSeconds(*patience)
	err := run(context.Background(), load, inSeconds(*search))
	if err != nil {
		log.Print("linear: ", err)
	}
	switch {
	case errors.Is(err, errUndecided):
		os.Exit(3)
	case err != nil:
		os.Exit(1)
	}
}

func inSeconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

func run(ctx context.Context, load load, search time.Duration) error {
	histories, err := load.run(ctx)
	if err != nil {
		return err
	}
	var counts counts
	for _, history := range histories {
		counts.add(history.calls)
	}
	fmt.Println(counts)
	if counts.answered == 0 {
		return errors.New("no call was answered, expected at least one")
	}
	var undecided error
	for _, history := range histories {
		err := check(history.calls, search)
		switch {
		case errors.Is(err, errUndecided):
			undecided = fmt.Errorf("%s: %w", history.object, err)
		case err != nil:
			return fmt.Errorf("%s: %w", history.object, err)
		}
	}
	if undecided != nil {
		return undecided
	}
	fmt.Printf("an order explains the calls to each of %d counters and %d registers\n", load.counters, load.registers)
	return nil
}
