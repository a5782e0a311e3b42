// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"crossing/harness/sweep"
	"crossing/harness/testbed"
)

// A Task is one cell for a guest to run.
type Task struct {
	Cell    sweep.Cell `json:"cell"`
	SameCPU bool       `json:"same_cpu"` // client and server on one CPU
}

// errorFile holds, in place of an outcome, why a cell has none.
const errorFile = "error"

// The guest's ports.
const serverPort, clientPort = "eth0", "eth1"

// Work runs the tasks that the file lists, one after the other, and leaves
// what came of the i-th in the folder out/i. It is called in the guest.
func Work(ctx context.Context, file, out string, here *sweep.Here, local *sweep.Local) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var tasks []Task
	if err := json.Unmarshal(b, &tasks); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	var same bool
	local.Wire = here.On(func() (*testbed.Testbed, error) { return bed(same) })
	for i, t := range tasks {
		dir := filepath.Join(out, fmt.Sprint(i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		same = t.SameCPU
		o, runErr := local.Run(ctx, t.Cell)
		if runErr == nil {
			runErr = o.Write(dir)
		}
		if runErr != nil {
			fmt.Printf("%s: %v\n", t.Cell.Name(), runErr)
			if err := os.WriteFile(filepath.Join(dir, errorFile), []byte(runErr.Error()), 0o644); err != nil {
				return err
			}
			continue
		}
		fmt.Printf("%s: %d requests, mean %.1f us, p99 %.1f us\n", t.Cell.Name(), o.Run.Requests,
			o.Run.MeanNs/1e3, float64(o.Run.P99Ns)/1e3)
	}
	return nil
}

// bed makes the guest's wire. On one CPU, that takes both ports' interrupts, too.
func bed(sameCPU bool) (*testbed.Testbed, error) {
	if err := awaitPorts(serverPort, clientPort); err != nil {
		return nil, err
	}
	b, err := testbed.Ports(serverPort, clientPort)
	if err != nil {
		return nil, err
	}
	b.Name = "vm"
	if sameCPU {
		b.Client.CPUs = b.Server.CPUs
	}
	if err := b.PinInterrupts(); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// awaitPorts waits until the kernel has given the ports back from the testbed
// before, which it does some time after the last process has left.
func awaitPorts(names ...string) error {
	for _, name := range names {
		for try := 0; ; try++ {
			_, err := net.InterfaceByName(name)
			if err == nil {
				break
			}
			if try == 500 {
				return fmt.Errorf("port %s: %w", name, err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return nil
}
