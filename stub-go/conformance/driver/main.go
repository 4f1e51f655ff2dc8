// Command driver is the driver of the client cases for this library: it makes the calls that it is told, one line of
// JSON after the other, and reports what its caller saw. client_driver.proto, in conformance-tests/, says how.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		answer, err := json.Marshal(answerTo(line))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", answer)
	}
}

func answerTo(line []byte) *driverResponse {
	var request driverRequest
	err := json.Unmarshal(line, &request)
	if err == nil {
		var response *driverResponse
		if response, err = play(&request); err == nil {
			return response
		}
	}
	return &driverResponse{DriverFault: err.Error(), Features: features}
}

// play does one request with a client of its own.
func play(request *driverRequest) (*driverResponse, error) {
	objects, err := connect(request)
	if err != nil {
		return nil, err
	}
	defer objects.Close()
	session := &session{target: request.Target, objects: objects, byName: map[string]*openedStub{}}
	for i := range request.Steps {
		if err := session.play(&request.Steps[i]); err != nil {
			return nil, err
		}
	}
	return session.report(), nil
}
