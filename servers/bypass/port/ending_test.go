// SPDX-License-Identifier: Apache-2.0

package port

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// endingEnv names what this program does in a process of its own.
const endingEnv = "PORT_TEST_ENDING"

func TestMain(m *testing.M) {
	switch os.Getenv(endingEnv) {
	case "panic":
		done := make(chan struct{})
		go func() { // as a polling thread, on which go-dpdk recovers
			defer close(done)
			defer func() { _ = recover() }()
			defer crash(1)
			var none []byte
			_ = none[len(os.Args)]
		}()
		<-done
		time.Sleep(time.Minute) // the zombie
	case "stop":
		stop := StopOnSignal()
		os.Stdout.WriteString("ready\n")
		for !stop.Load() {
			time.Sleep(time.Millisecond)
		}
		os.Exit(0)
	case "stuck":
		StopOnSignal()
		os.Stdout.WriteString("ready\n")
		for { // a loop that does not look at the flag
			time.Sleep(time.Millisecond)
		}
	}
	os.Exit(m.Run())
}

func ending(t *testing.T, what string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), endingEnv+"="+what)
	var said bytes.Buffer
	cmd.Stderr = &said
	return cmd, &said
}

// TestPanicIsSeen: it ends the process, and its stack is printed.
func TestPanicIsSeen(t *testing.T) {
	cmd, said := ending(t, "panic")
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Fatalf("%v: %s", err, said)
	}
	for _, want := range []string{"panic on the polling thread of CPU 1", "index out of range", "ending_test.go"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("no %q in %s", want, said)
		}
	}
}

// TestSignals: one ends a loop that looks at its flag; a second one ends any.
func TestSignals(t *testing.T) {
	for _, c := range []struct {
		what    string
		signals int
		code    int
	}{{"stop", 1, 0}, {"stuck", 2, 1}} {
		cmd, said := ending(t, c.what)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
		for range c.signals {
			if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != c.code {
			t.Errorf("%s: status %d, want %d: %s", c.what, got, c.code, said)
		}
	}
}
