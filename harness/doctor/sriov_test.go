// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"crossing/harness/change"
)

// A server is refused by the reason that stands against it, and only where the
// tiers are such that it matters.
func TestServerSteps(t *testing.T) {
	for _, c := range []struct {
		name, iface string
		others      []string // in the port's group
		files       map[string]string
		ssh         string
		bypass      bool
		want        string // of the refusal; empty: none
	}{
		{name: "fit", iface: "eth0", bypass: true},
		{name: "no such port", iface: "eth7", want: "there is no port eth7"},
		{name: "group shared", iface: "eth0", others: []string{"0000:01:00.1"}, bypass: true, want: "shares its group with 0000:01:00.1"},
		{name: "group shared, no matter", iface: "eth0", others: []string{"0000:01:00.1"}},
		{name: "functions there", iface: "eth0", files: map[string]string{"/sys/class/net/eth0/device/sriov_numvfs": "2"}, want: "has 2 virtual functions already"},
		{name: "default route", iface: "eth0", files: map[string]string{"/proc/net/route": "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0"}, want: "carries the default route"},
		{name: "ssh", iface: "eth0", ssh: "eth0", want: "carries this ssh connection"},
		{name: "ssh by another", iface: "eth0", ssh: "eth1", bypass: true},
		{name: "no driver for user space", iface: "eth0", files: map[string]string{"/sys/bus/pci/drivers/vfio-pci": "ABSENT"}, bypass: true, want: "no such driver"},
	} {
		base := map[string]string{}
		if c.files["/sys/bus/pci/drivers/vfio-pci"] != "" {
			base["/sys/bus/pci/drivers/vfio-pci/bind"] = "ABSENT"
			delete(c.files, "/sys/bus/pci/drivers/vfio-pci")
		}
		m := made(t, base)
		nic(t, m, c.others...)
		place(t, m, c.files)
		m.SSH = c.ssh
		steps, err := m.ServerSteps(c.iface, c.bypass)
		switch {
		case c.want == "" && (err != nil || len(steps) == 0):
			t.Errorf("%s: %d steps, %v", c.name, len(steps), err)
		case c.want != "" && (!errors.Is(err, ErrUnfit) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	// Without an IOMMU a server on the kernel's stack is fine, and only that.
	m := made(t, nil)
	place(t, m, map[string]string{
		"/sys/devices/pci0000:00/0000:01:00.0/sriov_totalvfs": "7",
		"/sys/devices/pci0000:00/0000:01:00.0/sriov_numvfs":   "0",
	})
	link(t, m, "/sys/class/net/eth0/device", "/sys/devices/pci0000:00/0000:01:00.0")
	if _, err := m.ServerSteps("eth0", false); err != nil {
		t.Error(err)
	}
	if _, err := m.ServerSteps("eth0", true); err == nil || !strings.Contains(err.Error(), "IOMMU") {
		t.Errorf("without an IOMMU: %v", err)
	}
}

// What a client's machine has set comes back as it was.
func TestClientSteps(t *testing.T) {
	const governor = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
	m := made(t, map[string]string{governor: "ondemand"})
	nic(t, m)
	steps, err := m.ClientSteps("eth0")
	must(t, err)
	j, err := change.Open(filepath.Join(t.TempDir(), "journal"))
	must(t, err)
	defer j.Close()
	for _, s := range steps {
		must(t, j.Do(context.Background(), s))
	}
	if v := m.read(governor); v != "performance" {
		t.Errorf("the governor is %s", v)
	}
	must(t, j.Undo(context.Background(), func(string) {}))
	if v := m.read(governor); v != "ondemand" {
		t.Errorf("the governor is %s afterwards", v)
	}
	if _, err := m.ClientSteps("eth9"); !errors.Is(err, ErrUnfit) {
		t.Errorf("a port that is not there: %v", err)
	}
	m.SSH = "eth0"
	if _, err := m.ClientSteps("eth0"); err == nil || !strings.Contains(err.Error(), "ssh") {
		t.Errorf("the port of the ssh connection: %v", err)
	}
}

func TestSSHInterface(t *testing.T) {
	for connection, want := range map[string]string{
		"": "", "192.0.2.1 50000 127.0.0.1 22": "lo", "::1 50000 ::1 22": "lo",
		"192.0.2.1 50000 203.0.113.9 22": "", "192.0.2.1 50000 nonsense 22": "",
	} {
		if got := sshInterface(connection); got != want {
			t.Errorf("%q: %q, want %q", connection, got, want)
		}
	}
}
