// Command journal writes to a journal without waiting for each line, breaks its stub in the middle, finds out
// which calls ran, and goes on through a new stub. It prints what it sees.
//
// usage: go run ./examples/journal [-target HOST:PORT]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"

	"google.golang.org/grpc/credentials/insecure"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
)

func main() {
	log.SetFlags(0)
	target := flag.String("target", "localhost:7070", "where scripts/run listens")
	flag.Parse()
	if err := run(context.Background(), *target); err != nil {
		log.Fatal(err)
	}
}

// run writes to a new journal of the server at the target.
func run(ctx context.Context, target string) error {
	objects, err := seriatim.Connect(target, insecure.NewCredentials(), nil)
	if err != nil {
		return err
	}
	defer objects.Close()
	journals := objects.Namespace("JOURNAL")
	id, err := journals.NewUniqueID(ctx)
	if err != nil {
		return err
	}

	fmt.Println("Five lines, one of them empty, through one stub:")
	noEffect, err := appendLines(ctx, journals, id, []string{"one", "two", "", "four", "five"})
	if err != nil {
		return err
	}
	fmt.Println("What had no effect, but for the line to blame, through a new stub:")
	if _, err := appendLines(ctx, journals, id, noEffect); err != nil {
		return err
	}

	stub, err := journals.Get(id)
	if err != nil {
		return err
	}
	defer stub.Close()
	read, err := examplesv1.NewJournalClient(stub).Read(ctx, &examplesv1.ReadRequest{})
	if err != nil {
		return err
	}
	fmt.Println("The journal:")
	for _, line := range read.GetLines() {
		fmt.Printf("  %s\n", line)
	}
	return nil
}

// appendLines appends lines, and gives back those that can be sent again as they are.
func appendLines(
	ctx context.Context, journals *seriatim.Namespace, id seriatim.ID, lines []string,
) (again []string, err error) {
	stub, err := journals.Get(id)
	if err != nil {
		return nil, err
	}
	defer stub.Close()
	journal := examplesv1.NewJournalClient(stub)

	var calls []*seriatim.Future[examplesv1.AppendResponse]
	for _, line := range lines {
		calls = append(calls, seriatim.Call(ctx, journal.Append, &examplesv1.AppendRequest{Line: line}))
	}
	for i, call := range calls {
		response, err := call.Get()
		if err == nil {
			fmt.Printf("  %q is line %d\n", lines[i], response.GetIndex())
			continue
		}
		var failure *seriatim.CallFailure
		ok := errors.As(err, &failure)
		if !ok {
			return nil, err
		}
		fmt.Printf("  %q: %v\n", lines[i], failure)
		if failure.Fate == seriatim.FateNotExecuted && failure.Sequence != failure.FailedSequence {
			again = append(again, lines[i])
		}
	}
	return again, nil
}
