// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// A claim is a ratio with a bound.
type claim struct {
	text  string
	value []float64 // per round
	least bool      // at least bound, else at most
	bound float64   // 0: only shown
}

func rate(r result) float64 { return r.Rate }
func mean(r result) float64 { return r.MeanNs }

// ratio divides two cells round by round, so that what slows the machine for a
// while slows both.
func (b *bench) ratio(of func(result) float64, a, c string) (out []float64) {
	for _, x := range b.results[a] {
		for _, y := range b.results[c] {
			if x.round == y.round && of(y) > 0 {
				out = append(out, of(x)/of(y))
			}
		}
	}
	return out
}

func (b *bench) claims() (all []claim) {
	for _, path := range []string{"/100", "/1K"} {
		for _, n := range []int{1, 4, 16, 64} {
			at := func(s string) string { return key("veth", s, path, n) }
			name := fmt.Sprintf("veth, af_xdp, %s, %d connections: rate of dpdk to ", path, n)
			frames := fmt.Sprintf("veth, af_xdp, %d frames there and back: rate to %s of ", n, path)
			echo := key("veth", "l2echo", "l2echo", n)
			all = append(all,
				claim{name + "dpdk-lwip", b.ratio(rate, at("dpdk"), at("dpdk-lwip")), true, 1},
				claim{name + "gopoll", b.ratio(rate, at("dpdk"), at("gopoll")), true, 2},
				claim{name + "gopoll-spin", b.ratio(rate, at("dpdk"), at("gopoll-spin")), true, 0},
				claim{name + "nginx", b.ratio(rate, at("dpdk"), at("nginx")), true, 5},
				claim{frames + "gopoll", b.ratio(rate, echo, at("gopoll")), true, 0}, // no server can be faster
				claim{frames + "nginx", b.ratio(rate, echo, at("nginx")), true, 0})
			if n <= 16 {
				var tail []float64
				for _, r := range b.results[at("dpdk")] {
					tail = append(tail, r.P90Ns/r.MeanNs)
				}
				all = append(all, claim{fmt.Sprintf("veth, af_xdp, %s, %d connections: p90/mean of dpdk", path, n), tail, false, 1.5})
			}
		}
		all = append(all, claim{"veth, af_xdp, " + path + ", 1 connection: mean latency of dpdk to a frame's there and back",
			b.ratio(mean, key("veth", "dpdk", path, 1), key("veth", "l2echo", "l2echo", 1)), false, 1.25})
	}
	for _, m := range []struct {
		n     int
		least float64
	}{{1, 1}, {16, 0}, {64, 1.8}, {512, 0}, {10000, 0}} {
		all = append(all, claim{fmt.Sprintf("memif, /100, %d connections: rate of dpdk to dpdk-lwip", m.n),
			b.ratio(rate, key("memif", "dpdk", "/100", m.n), key("memif", "dpdk-lwip", "/100", m.n)), true, m.least})
	}
	all = append(all,
		claim{"memif, /100: rate of dpdk at 10,000 connections to that at 512",
			b.ratio(rate, key("memif", "dpdk", "/100", 10000), key("memif", "dpdk", "/100", 512)), true, 0.95},
		claim{"64 MiB, frames of one segment each: rate of dpdk to gopoll",
			b.ratio(rate, key("plain frames", "dpdk", "/64M", 1), key("plain frames", "gopoll", "/64M", 1)), true, 1},
		claim{"64 MiB, frames of one segment each, taken in a thread: rate of dpdk to gopoll",
			b.ratio(rate, key("plain frames, taken in a thread", "dpdk", "/64M", 1), key("plain frames, taken in a thread", "gopoll", "/64M", 1)), true, 1},
		claim{"64 MiB: rate of dpdk to gopoll with the kernel's segmentation offloads",
			b.ratio(rate, key("plain frames", "dpdk", "/64M", 1), key("with offloads", "gopoll", "/64M", 1)), true, 0})
	return all
}

// interval is the median over rounds and its 95 % percentile bootstrap. A
// round in which the machine stood still says nothing about a server, so the
// mean would be the wrong middle.
func interval(v []float64) (mid, low, high float64) {
	rnd := rand.New(rand.NewPCG(1, 1))
	medians := make([]float64, 2000)
	again := make([]float64, len(v))
	for k := range medians {
		for i := range again {
			again[i] = v[rnd.IntN(len(v))]
		}
		medians[k] = median(again)
	}
	slices.Sort(medians)
	return median(slices.Clone(v)), medians[50], medians[1949]
}

func median(v []float64) float64 {
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func (b *bench) report() {
	for _, k := range slices.Sorted(func(yield func(string) bool) {
		for k := range b.results {
			if !yield(k) {
				return
			}
		}
	}) {
		var rates, means, occ []float64
		for _, r := range b.results[k] {
			rates, means, occ = append(rates, r.Rate), append(means, r.MeanNs/1e3+1e-9), append(occ, r.Occupancy)
		}
		m, _, _ := interval(rates)
		l, _, _ := interval(means)
		fmt.Printf("%-40s %12.0f /s   mean %9.2f us   occupancy %.2f\n", k, m, l, slices.Max(occ))
	}
	fmt.Println()
	for _, c := range b.claims() {
		if len(c.value) == 0 {
			continue
		}
		mid, low, high := interval(c.value)
		verdict := ""
		switch {
		case c.bound == 0:
		case len(c.value) < 3:
			verdict = fmt.Sprintf("(%g) takes three rounds", c.bound)
		case c.least && low >= c.bound || !c.least && high <= c.bound:
			verdict = fmt.Sprintf("met (%g)", c.bound)
		case c.least && high < c.bound || !c.least && low > c.bound:
			verdict = fmt.Sprintf("NOT met (%g)", c.bound)
		default:
			verdict = fmt.Sprintf("open (%g)", c.bound)
		}
		fmt.Printf("%-86s %6.2f  [%.2f, %.2f]  %s\n", c.text, mid, low, high, verdict)
	}
}
