// SPDX-License-Identifier: Apache-2.0

package sweep

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"crossing/data/dataset"
)

// kills is how often the sweeps of TestKilledAnywhere are killed in all.
const kills = 60

// killed names the folder that this test binary, started again, sweeps into.
const killed = "SWEEP_TEST_KILLED"

// many is a sweep with every kind of file that one writes, and whose cells take
// no time, so that a kill hits the writing.
const many = `
name: many
tiers: [nginx, apache]
connections: [1, 2, 4, 8]
open: {shares: [0.5], connections: 64, arrivals: poisson}
files: ["100"]
blocks: 6
warmup: 10ms
duration: 50ms
`

// TestKilledAnywhere kills sweeps with SIGKILL at random points of their
// writing. Each resumes, and at its end every run that was whole at any kill
// is there, byte for byte, and every cell once.
func TestKilledAnywhere(t *testing.T) {
	p := plan(t, many)
	if dir := os.Getenv(killed); dir != "" {
		fmt.Println("begins")
		if _, err := Run(context.Background(), p, &script{}, dir, "0.1.0", quiet{}); err != nil {
			t.Fatal(err)
		}
		return
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	hits, inMid := 0, 0
	for n := 0; hits < kills; n++ {
		dir := filepath.Join(t.TempDir(), fmt.Sprint(n))
		whole := map[string][sha256.Size]byte{}
		for done := false; !done; {
			// From its first file on to its last, on slow machines, too.
			after := time.Duration(r.Int64N(int64(50*time.Millisecond) << r.IntN(4)))
			if hits >= kills {
				after = time.Minute
			}
			done = sweepAndKill(t, dir, after)
			if !done {
				hits++
				if names := journalled(t, dir+".partial"); len(names) > 0 {
					inMid++
					note(t, dir+".partial", names, whole)
				}
			}
		}
		if err := dataset.Verify(dir); err != nil {
			t.Fatal(err)
		}
		d, err := dataset.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, run := range d.Runs() {
			seen[run.Run] = true
		}
		if want := len(p.Cells()); len(seen) != want || len(d.Runs()) != want {
			t.Errorf("%d runs of %d cells, want %d", len(d.Runs()), len(seen), want)
		}
		for name, sum := range whole {
			if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || sha256.Sum256(b) != sum {
				t.Errorf("%s was whole at a kill and is not what it was (%v)", name, err)
			}
		}
	}
	t.Logf("%d kills, %d of them with runs already there", hits, inMid)
	if inMid == 0 {
		t.Error("no kill hit a sweep with runs: this shows nothing")
	}
}

// sweepAndKill runs a sweep in a process of its own, kills it some time after
// it begins, and reports whether it had finished.
func sweepAndKill(t *testing.T, dir string, after time.Duration) bool {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run", "^TestKilledAnywhere$")
	c.Env = append(os.Environ(), killed+"="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan() // "begins"
	kill := time.AfterFunc(after, func() { _ = c.Process.Kill() })
	defer kill.Stop()
	for lines.Scan() {
		said.Write(append(lines.Bytes(), '\n'))
	}
	if err = c.Wait(); err == nil {
		return true
	}
	if c.ProcessState.ExitCode() != -1 { // it ended by itself
		// A process that died between its last two steps leaves a whole
		// dataset, which the next one only renames, and says so.
		if dataset.Verify(dir) == nil {
			return true
		}
		t.Fatalf("going on after a kill: %v\n%s", err, &said)
	}
	return dataset.Verify(dir) == nil // killed after its last step
}

// journalled are the Parquet files that the journal calls whole.
func journalled(t *testing.T, partial string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(partial, "journal.jsonl"))
	if err != nil {
		return nil // killed before the first run, or after the last
	}
	var names []string
	for line := range bytes.Lines(b) {
		var run dataset.Run
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		if err := json.Unmarshal(line, &run); err != nil {
			t.Fatal(err)
		}
		names = append(names, run.RequestsFile())
	}
	return names
}

// note remembers what each file holds. One that was whole before must not have
// changed.
func note(t *testing.T, partial string, names []string, whole map[string][sha256.Size]byte) {
	t.Helper()
	for name := range whole {
		if _, err := os.Stat(filepath.Join(partial, name)); err != nil {
			t.Errorf("%s was whole and is gone: %v", name, err)
		}
	}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(partial, name))
		if err != nil {
			t.Errorf("the journal names a run whose rows are not there: %v", err)
			continue
		}
		sum := sha256.Sum256(b)
		if old, ok := whole[name]; ok && old != sum {
			t.Errorf("%s changed after it was whole", name)
		}
		whole[name] = sum
	}
}
