// SPDX-License-Identifier: Apache-2.0

package port

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]Spec{
		"af_xdp:eth0":       {"af_xdp", "eth0"},
		"pci:0000:01:10.0":  {"pci", "0000:01:10.0"},
		"memif-server:/a/b": {"memif-server", "/a/b"},
	} {
		if got, err := Parse(in); err != nil || got != want || got.String() != in {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{
		"":                 "there are af_packet:IFACE",
		"eth0":             "no such kind",
		"af_xdp":           "one IFACE",
		"af_xdp:a,queue=2": "one IFACE",
		"memif-client:a b": "one SOCKET",
	} {
		if _, err := Parse(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func TestQueueArguments(t *testing.T) {
	for _, c := range []struct {
		port   string
		queues int
		want   string
	}{
		{"af_packet:eth0", 1, "framecnt=2048,qdisc_bypass=1"},
		{"af_packet:eth0", 2, ",qpairs=2"},
		{"af_xdp:eth0", 2, ",queue_count=2"},
		{"vhost:/s", 2, ",queues=2"},
		{"virtio-user:/s", 2, ",queues=2"},
		{"pci:0000:01:10.0", 2, "0000:01:10.0"},
	} {
		s, err := Parse(c.port)
		if err != nil {
			t.Fatal(err)
		}
		if a := s.args(c.queues, false); !strings.HasSuffix(a[len(a)-1], c.want) {
			t.Errorf("%s with %d queues: %q", c.port, c.queues, a)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("af_xdp:eth0")
	f.Fuzz(func(t *testing.T, in string) {
		if s, err := Parse(in); err == nil && s.String() != in {
			t.Errorf("%q became %q", in, s)
		}
	})
}

// machine makes a tree like the kernel's with one device on PCI.
func machine(t *testing.T) (y system, dev string) {
	y = system{t.TempDir()}
	y.dir(t, "sys/kernel/iommu_groups/7/devices")
	y.dir(t, "sys/bus/pci/drivers/vfio-pci")
	y.dir(t, "sys/bus/pci/drivers/igbvf")
	y.file(t, "dev/vfio/7", "")
	y.file(t, "proc/meminfo", "MemTotal: 1 kB\nHugePages_Free:     128\nHugepagesize:       2048 kB\n")
	y.device(t, address, "vfio-pci")
	return y, y.path("sys/bus/pci/devices/" + address)
}

const address = "0000:01:10.0"

func (y system) dir(t *testing.T, p string) {
	if err := os.MkdirAll(y.path(p), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (y system) file(t *testing.T, p, text string) {
	y.dir(t, filepath.Dir(p))
	if err := os.WriteFile(y.path(p), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// device adds a device to group 7, bound to a driver if one is named.
func (y system) device(t *testing.T, address, driver string) {
	dev := "sys/bus/pci/devices/" + address
	y.dir(t, dev)
	y.link(t, y.path("sys/kernel/iommu_groups/7"), dev+"/iommu_group")
	y.link(t, y.path(dev), "sys/kernel/iommu_groups/7/devices/"+address)
	if driver != "" {
		y.link(t, y.path("sys/bus/pci/drivers/"+driver), dev+"/driver")
	}
}

func (y system) link(t *testing.T, to, p string) {
	if err := os.Symlink(to, y.path(p)); err != nil {
		t.Fatal(err)
	}
}

func TestCheckPCI(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(t *testing.T, y system, dev string)
		want   string // nothing: no error
	}{
		{"all well", func(*testing.T, system, string) {}, ""},
		{"no device", func(t *testing.T, y system, dev string) { os.RemoveAll(dev) }, "lspci -D"},
		{"no IOMMU", func(t *testing.T, y system, dev string) { os.Remove(dev + "/iommu_group") }, "intel_iommu=on"},
		{"other driver", func(t *testing.T, y system, dev string) {
			os.Remove(dev + "/driver")
			y.link(t, y.path("sys/bus/pci/drivers/igbvf"), "sys/bus/pci/devices/"+address+"/driver")
		}, "is bound to igbvf, not to vfio-pci; run: modprobe vfio-pci"},
		{"no driver", func(t *testing.T, y system, dev string) { os.Remove(dev + "/driver") }, "is bound to no driver"},
		{"group not viable", func(t *testing.T, y system, dev string) { y.device(t, "0000:01:00.1", "igbvf") }, "its IOMMU group 7 is not viable: 0000:01:00.1"},
		{"group shared with a bridge", func(t *testing.T, y system, dev string) { y.device(t, "0000:00:01.0", "pcieport") }, ""},
		{"no vfio", func(t *testing.T, y system, dev string) { os.Remove(y.path("dev/vfio/7")) }, "run: modprobe vfio-pci"},
		{"no hugepages", func(t *testing.T, y system, dev string) {
			y.file(t, "proc/meminfo", "HugePages_Free: 3\nHugepagesize: 2048 kB\n")
		}, "6 MiB of free hugepages, and a device that writes to memory itself needs 128; run: echo 64 > /proc/sys/vm/nr_hugepages"},
	} {
		t.Run(c.name, func(t *testing.T) {
			y, dev := machine(t)
			c.change(t, y, dev)
			err := y.check(Spec{"pci", address})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestCheckOthers(t *testing.T) {
	for spec, want := range map[Spec]string{
		{"af_xdp", "nosuch0"}:            "no such interface",
		{"af_packet", "lo"}:              "loopback",
		{"memif-client", "/nosuch/sock"}: "start the other end first",
		{"memif-server", "/nosuch/sock"}: "is no folder",
		{"virtio-user", "/etc/passwd"}:   "nobody listens there",
	} {
		if err := Check(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

func TestLock(t *testing.T) {
	s := Spec{"tap", fmt.Sprint("test", os.Getpid())}
	first, err := lock(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(s); err == nil || !strings.Contains(err.Error(), "stop that one first") {
		t.Errorf("taken twice: %v", err)
	}
	first.Close()
	second, err := lock(s)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
}
