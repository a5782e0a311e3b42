// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crossing/harness/instance"
	"crossing/harness/testbed"
	"crossing/harness/tier"
	"crossing/internal/root"
	"crossing/servers/conformance"
	"crossing/servers/site"
)

// TestConformance holds every tier that runs on the netns testbed to the
// contract: each row is a subtest over a real socket. A tier whose programs
// are not on this machine is skipped by name.
func TestConformance(t *testing.T) {
	needsTestbed(t)
	home, err := root.Find()
	if err != nil {
		t.Fatal(err)
	}
	tiers, err := tier.All(filepath.Join(home, "servers"))
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	files, err := site.Generate(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tiers {
		if !slices.Contains(x.Testbeds, "netns") {
			continue
		}
		t.Run(x.Name, func(t *testing.T) {
			if m := x.Missing(filepath.Join(home, "bin")); m != "" {
				t.Skip(m)
			}
			bed, err := testbed.Netns()
			if err != nil {
				t.Fatal(err)
			}
			defer bed.Close()
			if x.Boundary == "bypass" {
				if err := bed.Plain(); err != nil {
					t.Fatal(err)
				}
			}
			in, err := instance.Start(context.Background(), x, bed, instance.Places{
				Root: files, State: filepath.Join(dir, x.Name), Bin: filepath.Join(home, "bin"), Repo: home,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer in.Stop()
			if n := listensThereOnly(t, bed); n == 0 && x.Boundary == "user" {
				t.Error("nothing listens, says ss")
			}
			server := conformance.Server{Dial: func(timeout time.Duration) (net.Conn, error) {
				return bed.Client.Dial(in.Addr, timeout)
			}}
			err = conformance.Run(context.Background(), server, x.Deviations, func(r conformance.Result) {
				t.Run(r.Row.Name, func(t *testing.T) {
					if p := r.Problem(); p != "" {
						t.Error(p)
					}
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			if !in.Running() {
				t.Error("the server did not survive the kit; ", in.Tail())
			}
		})
	}
}

// listensThereOnly: nothing on the server's host listens anywhere but at the
// testbed's addresses and on loopback. It returns how many sockets listen.
func listensThereOnly(t *testing.T, bed *testbed.Testbed) (n int) {
	t.Helper()
	out, err := bed.Server.Command(t.Context(), "ss", "-Htuln").Output()
	if err != nil {
		t.Fatalf("ss: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		n++
		words := strings.Fields(line) // network, state, two queues, local address, peer
		if len(words) < 5 {
			t.Fatalf("ss printed %q", line)
		}
		host, _, err := net.SplitHostPort(words[4])
		if ip := net.ParseIP(host); err != nil || !ip.IsLoopback() && host != bed.Server.IP.String() {
			t.Errorf("it listens at %s, which is not of the testbed", words[4])
		}
	}
	return n
}

// TestConformanceTable compares the table in the repository with the tier
// files, which TestConformance holds to what is seen.
func TestConformanceTable(t *testing.T) {
	tiers, err := tier.All("../../../servers")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../servers/CONFORMANCE.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != conformanceTable(tiers) {
		t.Error("servers/CONFORMANCE.md does not say what the tier files do: harness tier table >servers/CONFORMANCE.md")
	}
}
