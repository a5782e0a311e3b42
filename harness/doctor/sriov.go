// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"crossing/harness/change"
)

// ErrUnfit says that a machine cannot be what a testbed needs.
var ErrUnfit = errors.New("unfit for the testbed")

// ServerSteps are the steps that make a machine the server of testbed sriov:
// one virtual function of the port, and nothing that makes a request wait. For
// a server that bypasses the kernel there must be an IOMMU, a group that can be
// given away, and hugepages, too.
func (m *Machine) ServerSteps(iface string, bypass bool) ([]change.Step, error) {
	named := *m
	named.Give = iface
	m = &named
	if f, ok := m.parent(iface); !ok {
		return nil, unfit(f)
	}
	if made := m.read("/sys/class/net/" + iface + "/device/sriov_numvfs"); made != "0" {
		return nil, unfit(blocks(fmt.Sprintf("%s has %s virtual functions already, and the testbed makes its own", iface, made),
			fmt.Sprintf("if nobody uses them: echo 0 >/sys/class/net/%s/device/sriov_numvfs", iface)))
	}
	var steps []change.Step
	if bypass {
		var against []Finding
		for _, f := range Examine(m) {
			switch {
			case f.State == Blocks && slices.Contains(f.Blocks, sriovBed) && len(f.Fix) == 0:
				against = append(against, f)
			case f.Check == "hugepages":
				steps = append(steps, f.Fix...)
			}
		}
		if len(against) > 0 {
			return nil, unfit(against...)
		}
	}
	steps = append(steps, m.makeFunction(iface)...)
	if bypass {
		steps = append(steps, m.loadVFIO()...)
	}
	return append(steps, m.quiet(iface)...), nil
}

// ClientSteps are the steps that make a machine the client of testbed sriov.
func (m *Machine) ClientSteps(iface string) ([]change.Step, error) {
	if !m.exists("/sys/class/net/" + iface) {
		return nil, unfit(blocks("there is no port "+iface, "ip link shows those that there are"))
	}
	if address := m.addressOf(iface); address != "" {
		if why := m.held(address); why != "" {
			return nil, unfit(blocks(why, "it is never taken from the kernel: name another port"))
		}
	} else if m.routesBy(iface) {
		return nil, unfit(blocks(iface+" carries the default route", "name another port"))
	}
	var steps []change.Step
	if m.up(iface) {
		steps = append(steps, change.Step{Why: "a port comes back from a namespace switched off", Undo: m.back(iface, "ip link set "+iface+" up")})
	}
	return append(steps, m.quiet(iface)...), nil
}

// back is an undo for a port that was lent to a namespace: it returns some time
// after that one's end, unless it was none of metal.
func (m *Machine) back(iface, undo string) string {
	is := "test -e " + m.path("/sys/class/net/"+iface)
	return fmt.Sprintf("for i in $(seq 50); do %s && break; sleep 0.1; done; ! %s || %s", is, is, undo)
}

// quiet are the steps against what makes a request wait.
func (m *Machine) quiet(iface string) []change.Step {
	steps := m.performance()
	if n := m.NIC(iface); n.Moderation && n.RxDelayUs > 0 {
		s := unmoderated(iface, n)
		s.Undo = m.back(iface, s.Undo)
		steps = append(steps, s)
	}
	return steps
}

// Binding is the step that takes a port's first virtual function from the
// kernel's driver to vfio-pci; its undo gives it back to the kernel's.
func (m *Machine) Binding(iface string) change.Step {
	return m.bind("/sys/class/net/" + iface + "/device/virtfn0")
}

func unfit(findings ...Finding) error {
	var lines []string
	for _, f := range findings {
		line := f.Found
		if f.Check != "" {
			line = f.Check + ": " + line
		}
		lines = append(lines, line+" → "+f.Remedy)
	}
	return fmt.Errorf("%w: %s", ErrUnfit, strings.Join(lines, "; "))
}
