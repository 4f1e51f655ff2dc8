// Package seriatimtest starts a host for tests: a process of its own, on loopback, whose time, commits and connections
// are the test's.
//
// It needs SERIATIM_JAR, the path of the server's jar, and a JDK 25 or newer, in JAVA25_HOME, in JAVA_HOME or on the PATH.
package seriatimtest

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "seriatim.dev/go/seriatim/admin/v1"
)

const (
	listening = "listening on "
	patience  = time.Minute
)

// Host is a host that is there for tests. Its methods fail the test that it was started for, if the host does.
type Host struct {
	// Target is where it listens: 127.0.0.1:PORT.
	Target string

	t       testing.TB
	conn    *grpc.ClientConn
	testing adminv1.TestingClient
	admin   adminv1.AdminClient
}

// Start starts a host, and ends it with the test. The options are those of serve, such as --objects and a jar.
func Start(t testing.TB, options ...string) *Host {
	t.Helper()
	jar := os.Getenv("SERIATIM_JAR")
	if jar == "" {
		t.Fatal("SERIATIM_JAR is not set, expected the path of the server's jar")
	}
	arguments := append([]string{"-jar", jar, "serve", "--test", "--listen", "127.0.0.1:0"}, options...)
	command := exec.Command(java(), arguments...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SERIATIM_") { // Which would be an option of the server.
			command.Env = append(command.Env, variable)
		}
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, command) })
	target, said := awaitListening(output)
	if target == "" {
		t.Fatalf("%v ended without listening, and said:\n%s", command, said)
	}
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &Host{
		Target:  target,
		t:       t,
		conn:    conn,
		testing: adminv1.NewTestingClient(conn),
		admin:   adminv1.NewAdminClient(conn),
	}
}

func stop(t testing.TB, command *exec.Cmd) {
	late := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
	defer late.Stop()
	_ = command.Process.Signal(syscall.SIGTERM)
	if err := command.Wait(); err != nil {
		t.Errorf("the host ended with %v", err)
	}
}

// awaitListening says where the host listens; if it doesn't, what it said.
func awaitListening(output io.Reader) (target, said string) {
	lines := bufio.NewScanner(output)
	var all strings.Builder
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		if found, ok := strings.CutPrefix(lines.Text(), listening); ok {
			go func() { _, _ = io.Copy(io.Discard, output) }() // Or the host would be held up by what it says.
			return found, ""
		}
	}
	return "", all.String()
}

func java() string {
	for _, home := range []string{"JAVA25_HOME", "JAVA_HOME"} {
		if at := os.Getenv(home); at != "" {
			return filepath.Join(at, "bin", "java")
		}
	}
	return "java"
}

// do fails the test if the host does.
func do[R any](h *Host, what string, call func(context.Context) (R, error)) R {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := call(ctx)
	if err != nil {
		h.t.Fatalf("%s: %v", what, err)
	}
	return answer
}

// Now is what time it is at the host. It stands still until it is moved.
func (h *Host) Now() time.Time {
	h.t.Helper()
	return do(h, "the time", func(ctx context.Context) (*adminv1.GetClockResponse, error) {
		return h.testing.GetClock(ctx, &adminv1.GetClockRequest{})
	}).GetNow().AsTime()
}

// Advance moves the host's time on. Alarms that were due by then have run, and are durable, when it returns.
func (h *Host) Advance(by time.Duration) {
	h.t.Helper()
	do(h, "to move the time", func(ctx context.Context) (*adminv1.AdvanceClockResponse, error) {
		how := &adminv1.AdvanceClockRequest_By{By: durationpb.New(by)}
		return h.testing.AdvanceClock(ctx, &adminv1.AdvanceClockRequest{How: how})
	})
}

// FailNextCommit makes the next commit fail: its stubs break with OBJECT_RESET.
func (h *Host) FailNextCommit() {
	h.t.Helper()
	do(h, "to fail a commit", func(ctx context.Context) (*adminv1.FailNextCommitResponse, error) {
		return h.testing.FailNextCommit(ctx, &adminv1.FailNextCommitRequest{})
	})
}

// HoldCommits lets nothing become durable until what it returns is called.
func (h *Host) HoldCommits() (release func()) {
	h.t.Helper()
	do(h, "to hold commits", func(ctx context.Context) (*adminv1.HoldCommitsResponse, error) {
		return h.testing.HoldCommits(ctx, &adminv1.HoldCommitsRequest{})
	})
	return func() {
		do(h, "to release commits", func(ctx context.Context) (*adminv1.ReleaseCommitsResponse, error) {
			return h.testing.ReleaseCommits(ctx, &adminv1.ReleaseCommitsRequest{})
		})
	}
}

// LoseCommitAnswer makes the next commit durable, and the fate of its calls unknown to their clients.
func (h *Host) LoseCommitAnswer() {
	h.t.Helper()
	do(h, "to lose an answer", func(ctx context.Context) (*adminv1.LoseCommitAnswerResponse, error) {
		return h.testing.LoseCommitAnswer(ctx, &adminv1.LoseCommitAnswerRequest{})
	})
}

// DropConnections cuts every connection to the host but this one.
func (h *Host) DropConnections() {
	h.t.Helper()
	do(h, "to drop connections", func(ctx context.Context) (*adminv1.DropConnectionsResponse, error) {
		return h.testing.DropConnections(ctx, &adminv1.DropConnectionsRequest{})
	})
}

// BreakNextCall breaks the stub of the next call of an object, before it runs.
func (h *Host) BreakNextCall(namespace, name, reason string) {
	h.t.Helper()
	do(h, "to break a call", func(ctx context.Context) (*adminv1.BreakNextCallResponse, error) {
		return h.testing.BreakNextCall(ctx, &adminv1.BreakNextCallRequest{Object: object(namespace, name), Reason: reason})
	})
}

// Evict lets go of an object's instance; its stubs stay open. It says whether there was one.
func (h *Host) Evict(namespace, name string) bool {
	h.t.Helper()
	return do(h, "to evict", func(ctx context.Context) (*adminv1.EvictObjectResponse, error) {
		return h.admin.EvictObject(ctx, &adminv1.EvictObjectRequest{Object: object(namespace, name)})
	}).GetEvicted()
}

// RunAlarm runs an object's alarm now, whenever it is due. It has run, and is durable, when it returns.
func (h *Host) RunAlarm(namespace, name string) {
	h.t.Helper()
	do(h, "to run an alarm", func(ctx context.Context) (*adminv1.RunAlarmResponse, error) {
		return h.admin.RunAlarm(ctx, &adminv1.RunAlarmRequest{Object: object(namespace, name)})
	})
}

// Reset deletes all objects, and undoes what the methods above have set; the time stays. For use between two tests.
func (h *Host) Reset() {
	h.t.Helper()
	do(h, "to reset", func(ctx context.Context) (*adminv1.ResetResponse, error) {
		return h.testing.Reset(ctx, &adminv1.ResetRequest{})
	})
}

func object(namespace, name string) *adminv1.ObjectName {
	return &adminv1.ObjectName{Namespace: namespace, Which: &adminv1.ObjectName_Name{Name: name}}
}
