// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"bufio"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Sample is what a server held at one time.
type Sample struct {
	RSSBytes int64
	Files    int
}

// judgedFrom is from when on growth is judged: before, heaps are still finding
// their size.
const judgedFrom = 5 * time.Minute

// most is the most that a server held in a part of a soak.
func most(samples []Sample) (m Sample) {
	for _, s := range samples {
		m.RSSBytes = max(m.RSSBytes, s.RSSBytes)
		m.Files = max(m.Files, s.Files)
	}
	return m
}

// ends are the most that a server held in the second quarter of its samples,
// when it has warmed up, and in the last.
func ends(samples []Sample) (early, late Sample) {
	q := max(len(samples)/4, 1)
	return most(samples[min(q, len(samples)-1):min(2*q, len(samples))]), most(samples[len(samples)-q:])
}

// grew says what a server took more of than it should: over a tenth and a
// mebibyte more memory, or more open files than early by a connection's for
// each connection and a few.
func grew(samples []Sample, connections int) (what []string) {
	if len(samples) < 4 {
		return nil
	}
	early, late := ends(samples)
	if late.RSSBytes > early.RSSBytes+early.RSSBytes/10+1<<20 {
		what = append(what, "memory grows")
	}
	if late.Files > early.Files+connections+8 {
		what = append(what, "open files grow")
	}
	return what
}

// Buffers are how many of its packet buffers a bypass server had at its start
// and at its end, as it says itself.
type Buffers struct{ Start, End, All int }

var bufferLine = regexp.MustCompile(`(\d+) of (\d+) buffers free`)

// readBuffers finds them in a server's log; nil if it tells of none.
func readBuffers(log string) *Buffers {
	found := bufferLine.FindAllStringSubmatch(log, -1)
	if len(found) == 0 {
		return nil
	}
	b := &Buffers{End: -1}
	b.Start, _ = strconv.Atoi(found[0][1]) // digits
	b.All, _ = strconv.Atoi(found[0][2])
	if len(found) > 1 {
		b.End, _ = strconv.Atoi(found[len(found)-1][1])
	}
	return b
}

// slab counts the objects in use of one of the kernel's caches; -1 where that
// cannot be known. The kernel counts what lies ready on a CPU as in use, so it
// is told to put that back first.
func slab(cache string) int {
	_ = os.WriteFile("/sys/kernel/slab/"+cache+"/shrink", []byte("1"), 0o200)
	f, err := os.Open("/proc/slabinfo")
	if err != nil {
		return -1
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if words := strings.Fields(s.Text()); len(words) > 1 && words[0] == cache {
			if n, err := strconv.Atoi(words[1]); err == nil {
				return n
			}
		}
	}
	return -1
}

// kernelBytes is the kernel's own memory that it cannot give back at once.
func kernelBytes() int64 {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "SUnreclaim:" {
			kib, _ := strconv.ParseInt(words[1], 10, 64) // the kernel's own
			return kib << 10
		}
	}
	return 0
}
