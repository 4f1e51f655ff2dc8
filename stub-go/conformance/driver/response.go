package main

import (
	"errors"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/status"

	"seriatim.dev/go/seriatim"
)

// features is what this library has that not every one has.
var features = []string{"resumable", "bearer"}

type driverResponse struct {
	Results     []result    `json:"results"`
	Stubs       []stubState `json:"stubs"`
	DriverFault string      `json:"driver_fault,omitempty"`
	Features    []string    `json:"features"`
}

type result struct {
	OK             bool   `json:"ok"`
	Text           string `json:"text"`
	PaddingBytes   int    `json:"padding_bytes"`
	Code           string `json:"code"`
	Message        string `json:"message"`
	Reason         string `json:"reason"`
	Retryable      bool   `json:"retryable"`
	Overloaded     bool   `json:"overloaded"`
	Remote         bool   `json:"remote"`
	Fate           string `json:"fate"`
	FailedSequence string `json:"failed_sequence"`
	Sequence       string `json:"sequence"`
	Unexpected     string `json:"unexpected"`
	CauseMessage   string `json:"cause_message"`
}

type stubState struct {
	Stub       string `json:"stub"`
	Broken     bool   `json:"broken"`
	Reason     string `json:"reason"`
	BreaksTold int32  `json:"breaks_told"`
	Resumable  bool   `json:"resumable"`
}

func failed(err error) result {
	told, ok := status.FromError(err)
	seen := result{Code: code.Code(told.Code()).String(), Message: told.Message()}
	var failure *seriatim.CallFailure
	isFailure := errors.As(err, &failure)
	if !isFailure && errors.Is(err, seriatim.ReasonInvalidID) {
		return result{Reason: string(seriatim.ReasonInvalidID), Message: err.Error()}
	}
	if !ok || !isFailure {
		seen.Unexpected = err.Error()
		return seen
	}
	seen.CauseMessage = failure.FailureCause.Message
	seen.Reason = string(failure.Reason)
	seen.Retryable = failure.Retryable
	seen.Overloaded = failure.Overloaded
	seen.Remote = failure.Remote
	seen.Fate = failure.Fate.String()
	seen.FailedSequence = strconv.FormatUint(failure.FailedSequence, 10)
	seen.Sequence = strconv.FormatUint(failure.Sequence, 10)
	return seen
}
