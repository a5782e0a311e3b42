// SPDX-License-Identifier: Apache-2.0

package figure

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// logTicks mark the powers of ten with labels, and 2 … 9 between them. Where
// an axis spans little more than a decade, 2 and 5 have labels, too.
type logTicks struct{}

// Ticks implements plot.Ticker.
func (logTicks) Ticks(lo, hi float64) []plot.Tick {
	if lo <= 0 || hi <= lo {
		return nil
	}
	narrow := math.Log10(hi/lo) < 1.8
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
		for m := 1.0; m < 10; m++ {
			v := m * math.Pow(10, e)
			if v < lo*(1-1e-9) || v > hi*(1+1e-9) {
				continue
			}
			label := ""
			if m == 1 || narrow && (m == 2 || m == 5) {
				label = power(m, e)
			}
			ticks = append(ticks, plot.Tick{Value: v, Label: label})
		}
	}
	return ticks
}

func power(m, e float64) string {
	if e >= -2 && e <= 4 {
		return strconv.FormatFloat(m*math.Pow(10, e), 'f', int(max(0, -e)), 64)
	}
	if m == 1 {
		return "10^" + strconv.Itoa(int(e))
	}
	return strconv.Itoa(int(m)) + "·10^" + strconv.Itoa(int(e))
}

// at marks the values that were measured, as far as their labels have room.
type at []float64

// Ticks implements plot.Ticker.
func (a at) Ticks(lo, hi float64) []plot.Tick {
	var ticks []plot.Tick
	last := math.Inf(-1)
	for _, v := range a {
		if v < lo*(1-1e-9) || v > hi*(1+1e-9) {
			continue
		}
		label := ""
		if position := math.Log10(v); position-last > 0.075*math.Log10(max(hi/lo, 10)) {
			label, last = strconv.FormatFloat(v, 'f', -1, 64), position
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: label})
	}
	return ticks
}

// whole marks whole numbers, twelve at most.
type whole struct{}

// Ticks implements plot.Ticker.
func (whole) Ticks(lo, hi float64) []plot.Tick {
	var ticks []plot.Tick
	step := max(1, math.Ceil((hi-lo)/12))
	for v := math.Ceil(lo); v <= hi; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.Itoa(int(v))})
	}
	return ticks
}
