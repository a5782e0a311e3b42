// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"crossing/harness/bench/netns"
)

// A result is what dpdkload prints, and the throughput part's rate in bytes.
type result struct {
	Conns     int     `json:"conns"`
	Path      string  `json:"path"`
	Rate      float64 `json:"rate"`
	MeanNs    float64 `json:"mean_ns"`
	P90Ns     float64 `json:"p90_ns"`
	Occupancy float64 `json:"occupancy"`
	Opened    int     `json:"opened"`
	NotOK     int     `json:"not_ok"`
	Bad       int     `json:"bad"`
	round     int
}

type bench struct {
	wire     *wire
	root     string
	memif    string
	duration time.Duration
	results  map[string][]result // "part server path conns"
}

func key(part, server, path string, conns int) string {
	return fmt.Sprintf("%s %s %s %d", part, server, path, conns)
}

func (b *bench) part(part string, round int) error {
	switch part {
	case "veth":
		return b.each(onVeth, round, func(s server) error { return b.onVeth(s, round) })
	case "memif":
		return b.each(onMemif, round, func(s server) error { return b.onMemif(s, round) })
	case "echo":
		return b.echo(round)
	case "file":
		return b.files(round)
	}
	return fmt.Errorf("no such part; there are veth, memif, echo and file")
}

// each runs the servers, from another one on in each round, so that none is
// always the first.
func (b *bench) each(servers []server, round int, f func(server) error) error {
	for i := range servers {
		s := servers[(i+round)%len(servers)]
		if err := f(s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// answers tells whether something answers at the address, asked by the
// client's kernel.
func (b *bench) answers(ip string) bool {
	return b.wire.in(b.wire.client, "", "curl", "-s", "-m", "1", "-o", "/dev/null", "http://"+ip+"/100").Run() == nil
}

// load runs dpdkload and keeps its results.
func (b *bench) load(part, name string, round int, port, to string, inVeth bool, args ...string) error {
	argv := append([]string{"bin/dpdkload", "--port", port, "--source", "10.78.0.4", "--target", to, "--warmup", "200ms", "--duration", b.duration.String()}, args...)
	end := b.wire.client
	if !inVeth {
		end = nil
	}
	c := b.wire.in(end, "1", argv...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Start(); err != nil {
		return err
	}
	netns.Favour(c)
	if err := c.Wait(); err != nil {
		return fmt.Errorf("dpdkload: %w: %s", err, errs.String())
	}
	for d := json.NewDecoder(&out); d.More(); {
		r := result{round: round}
		if err := d.Decode(&r); err != nil {
			return err
		}
		if r.NotOK > 0 || r.Bad > 0 {
			return fmt.Errorf("%s: answers that are wrong: %+v", name, r)
		}
		k := key(part, name, r.Path, r.Conns)
		b.results[k] = append(b.results[k], r)
	}
	return nil
}

func (b *bench) onVeth(s server, round int) error {
	stop, err := b.wire.start(b.wire.server, s.argv("af_xdp:vs0", b.root), func() bool { return b.answers(s.ip) })
	if err != nil {
		return err
	}
	defer stop()
	return b.load("veth", s.name, round, "af_xdp:vc0", s.ip+":80", true, "--path", "/100,/1K", "--connections", "1,4,16,64")
}

func (b *bench) onMemif(s server, round int) error {
	_ = os.Remove(b.memif)
	stop, err := b.wire.start(nil, s.argv("memif-server:"+b.memif, b.root), func() bool {
		_, err := os.Stat(b.memif)
		return err == nil
	})
	if err != nil {
		return err
	}
	defer stop()
	return b.load("memif", s.name, round, "memif-client:"+b.memif, s.ip+":80", false, "--connections", "1,16,64,512,10000")
}

// echo measures the floor: frames there and back on the same port.
func (b *bench) echo(round int) error {
	stop, err := b.wire.start(b.wire.server, []string{"bin/l2echo", "--port", "af_xdp:vs0"}, func() bool { time.Sleep(2 * time.Second); return true })
	if err != nil {
		return err
	}
	defer stop()
	return b.load("veth", "l2echo", round, "af_xdp:vc0", bypassIP+":80", true, "--echo", "--connections", "1,4,16,64")
}

// files times a 64 MiB file with curl: the client is the kernel's for all. The
// second download counts: in the first one the server's memory may have to be
// mapped again.
func (b *bench) files(round int) error {
	for _, m := range []struct {
		s      server
		part   string
		loads  string
		thread bool
	}{
		{gopoll, "plain frames", "off", false}, {dpdk, "plain frames", "off", false},
		{gopoll, "plain frames, taken in a thread", "off", true}, {dpdk, "plain frames, taken in a thread", "off", true},
		{gopoll, "with offloads", "on", false},
	} {
		if err := errors.Join(b.wire.offloads(m.loads), b.wire.thread(m.thread)); err != nil {
			return err
		}
		stop, err := b.wire.start(b.wire.server, m.s.argv("af_xdp:vs0", b.root), func() bool { return b.answers(m.s.ip) })
		if err != nil {
			return err
		}
		out, err := b.wire.in(b.wire.client, "1", "curl", "-s", "-m", "60", "-w", "%{speed_download} %{size_download}\n",
			"-o", "/dev/null", "http://"+m.s.ip+"/64M", "-o", "/dev/null", "http://"+m.s.ip+"/64M").Output()
		stop()
		if err != nil {
			return fmt.Errorf("curl: %w", err)
		}
		var first, rate float64
		var size [2]int
		if _, err := fmt.Sscan(string(out), &first, &size[0], &rate, &size[1]); err != nil || size != [2]int{64 << 20, 64 << 20} {
			return fmt.Errorf("curl did not fetch /64M twice: %q", out)
		}
		k := key(m.part, m.s.name, "/64M", 1)
		b.results[k] = append(b.results[k], result{Conns: 1, Path: "/64M", Rate: rate, round: round})
	}
	return errors.Join(b.wire.offloads("off"), b.wire.thread(false))
}

func (b *bench) csv(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	_ = w.Write([]string{"cell", "round", "rate", "mean_ns", "p90_ns", "occupancy"})
	for k, rs := range b.results {
		for _, r := range rs {
			_ = w.Write([]string{k, fmt.Sprint(r.round), fmt.Sprint(r.Rate), fmt.Sprint(r.MeanNs), fmt.Sprint(r.P90Ns), fmt.Sprint(r.Occupancy)})
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return f.Close()
}
