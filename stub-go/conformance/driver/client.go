package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"seriatim.dev/go/seriatim"
)

// connect makes the client of a request.
func connect(request *driverRequest) (*seriatim.DurableObjects, error) {
	given := request.Options
	creds := insecure.NewCredentials()
	if request.TLS {
		creds = credentials.NewTLS(nil)
	}
	return seriatim.Connect(request.Target, creds, &seriatim.Options{
		MaxUnansweredFrames:    given.MaxUnansweredFrames,
		MaxFrameInvocations:    given.MaxFrameInvocations,
		MaxFrameBytes:          given.MaxFrameBytes,
		MaxInvocationBytes:     given.MaxInvocationBytes,
		MaxBufferedInvocations: given.MaxBufferedInvocations,
		MaxBufferedBytes:       given.MaxBufferedBytes,
		MaxInboundFrameBytes:   given.MaxInboundFrameBytes,
		DeadlineGrace:          millis(given.DeadlineGraceMs),
		DescribeTimeout:        millis(given.DescribeTimeoutMs),
		EndTimeout:             millis(given.EndTimeoutMs),
		OpenTimeout:            millis(given.OpenTimeoutMs),
		KeepAliveTime:          millis(given.KeepAliveTimeMs),
		KeepAliveTimeout:       millis(given.KeepAliveTimeoutMs),
		SharedCalls:            given.SharedCalls,
		SharedCallIdleTimeout:  millis(given.SharedCallIdleMs),
		FollowRoutes:           given.FollowRoutes,
		MaxRoutes:              given.MaxRoutes,
		ResumeTimeout:          millis(given.ResumeTimeoutMs),
		ResumeBackoff:          millis(given.ResumeBackoffMs),
		MaxResumeBackoff:       millis(given.MaxResumeBackoffMs),

		MaxResumesWithoutProgress: given.MaxFruitlessResumes,

		DialOptions: dialOptions(&given),
	})
}

// dialOptions say who calls, if the request says so: by tokens that are counted.
func dialOptions(given *options) []grpc.DialOption {
	if !given.Bearer {
		return nil
	}
	var fetches atomic.Int64
	return []grpc.DialOption{grpc.WithPerRPCCredentials(seriatim.BearerToken(func(context.Context) (string, error) {
		number := fetches.Add(1)
		if number == given.FailingFetch || given.LaterFetchesFail && number > given.FailingFetch {
			return "", errors.New("no token today")
		}
		return fmt.Sprint("token-", number), nil
	}))}
}

func millis(count int64) time.Duration { return time.Duration(count) * time.Millisecond }
