package sweep

import (
	"fmt"
	"os"
	"strings"
	"time"

	"crossing/data"
	"crossing/harness/instance"
	"crossing/harness/testbed"
)

// counters are what is read before and after the load.
type counters struct {
	serverCPU, busy, steal time.Duration
	wire                   uint64
	retransmits            int64
}

func read(bed *testbed.Testbed, in *instance.Instance) (c counters, err error) {
	if c.serverCPU, err = in.CPUTime(); err != nil {
		return c, err
	}
	var clientSteal time.Duration
	if c.busy, c.steal, err = instance.BusyTime(bed.Server.CPUs); err != nil {
		return c, err
	}
	if _, clientSteal, err = instance.BusyTime(bed.Client.CPUs); err != nil {
		return c, err
	}
	if bed.Client.CPUs[0] != bed.Server.CPUs[0] {
		c.steal += clientSteal
	}
	// The client's port, since a DPDK server may own the other.
	port, err := bed.Client.Counters()
	if err != nil {
		return c, err
	}
	c.wire = port.RxBytes + port.TxBytes
	for _, h := range []*testbed.Host{bed.Server, bed.Client} {
		if err := h.Do(func() error {
			n, err := retransmits()
			c.retransmits += n
			return err
		}); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c counters) enter(before counters, r *data.Run) {
	r.ServerCPU = int64(c.serverCPU - before.serverCPU)
	r.ServerBusy = int64(c.busy - before.busy)
	r.Steal = int64(c.steal - before.steal)
	r.WireBytes = int64(c.wire - before.wire)
	r.Retransmit = c.retransmits - before.retransmits
}

// retransmits reads the calling thread's namespace's RetransSegs (RFC 4022).
func retransmits() (int64, error) {
	b, err := os.ReadFile("/proc/thread-self/net/snmp")
	if err != nil {
		return 0, fmt.Errorf("retransmissions: %w", err)
	}
	return parseRetransmits(string(b))
}

func parseRetransmits(snmp string) (n int64, err error) {
	var names []string
	for line := range strings.Lines(snmp) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "Tcp:" {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		for i, name := range names {
			if name == "RetransSegs" && i < len(f) {
				_, err := fmt.Sscan(f[i], &n)
				return n, err
			}
		}
	}
	return 0, fmt.Errorf("retransmissions: no RetransSegs in /proc/net/snmp")
}
