// SPDX-License-Identifier: Apache-2.0

package sriov

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"crossing/harness/change"
	"crossing/harness/doctor"
	"crossing/harness/load"
	"crossing/harness/sweep"
	"crossing/harness/testbed"
	"crossing/harness/tier"
)

// server is what an agent has when its machine is the server.
type server struct {
	port    Port
	end     *sweep.End
	tiers   []*tier.Tier
	binding change.Step
	device  string // the virtual function's, in sysfs

	bed    *testbed.Testbed // while there is one
	null   *load.NullServer
	served *sweep.Served
}

func newServer(repo, files string, p Port) (*server, error) {
	s := &server{port: p, binding: doctor.Here().Binding(p.Name)}
	var err error
	if s.tiers, err = tier.All(filepath.Join(repo, "servers")); err != nil {
		return nil, err
	}
	if s.device, err = filepath.EvalSymlinks("/sys/class/net/" + p.Name + "/device/virtfn0"); err != nil {
		return nil, err
	}
	s.end, err = sweep.NewEnd(files, filepath.Join(repo, "bin"), repo)
	return s, err
}

// driver is the name of the one that has the function.
func (s *server) driver() string {
	to, err := os.Readlink(s.device + "/driver")
	if err != nil {
		return ""
	}
	return filepath.Base(to)
}

// lay makes the server's end of the wire again: the function under vfio-pci, or
// under the kernel's driver, in a namespace of its own.
func (s *server) lay(bypass bool, client net.HardwareAddr) error {
	s.stop()
	iface, address := "", ""
	if bypass {
		address = filepath.Base(s.device)
		if s.driver() != "vfio-pci" {
			if err := s.binding.Apply(context.Background()); err != nil {
				return err
			}
		}
	} else {
		if s.driver() == "vfio-pci" {
			if err := s.binding.Revert(context.Background()); err != nil {
				return err
			}
		}
		var err error
		if iface, err = s.iface(); err != nil {
			return err
		}
	}
	host, congestion, err := testbed.End("server", iface, s.port.CPUs)
	if err != nil {
		return err
	}
	host.PCI = address
	s.bed = testbed.Apart("sriov", host, client)
	s.bed.CongestionControl = congestion
	if bypass {
		return nil
	}
	// Where the function has no setting of its own, the port's counts.
	_ = host.Command(context.Background(), "ethtool", "-C", iface, "rx-usecs", "0").Run()
	return host.PinInterrupts()
}

// iface waits for the function's interface under the kernel's driver.
func (s *server) iface() (string, error) {
	for try := range 100 {
		if try == 0 {
			step := change.Step{Do: fmt.Sprintf(`modprobe -q "$(cat %s/modalias)"; ! command -v udevadm >/dev/null || udevadm settle -t 5; true`, s.device)}
			if err := step.Apply(context.Background()); err != nil {
				return "", err
			}
		}
		if found, err := os.ReadDir(s.device + "/net"); err == nil && len(found) == 1 {
			return found[0].Name(), nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return "", fmt.Errorf("no driver of the kernel's has taken the virtual function %s: load the one for your card's functions (igbvf, ixgbevf, iavf, …) with modprobe; dmesg tells more", filepath.Base(s.device))
}

func (s *server) start(c Start, started *Started) error {
	t, err := tier.Find(s.tiers, c.Tier)
	if err != nil {
		return err
	}
	if t, err = t.With(c.Options); err != nil {
		return err
	}
	if err := s.lay(t.Boundary == "bypass", c.Client); err != nil {
		return err
	}
	served, err := s.end.Launch(t, s.bed)
	if err != nil {
		return err
	}
	s.served = served
	started.Addr, started.Config = served.Addr(), served.Config()
	served.Enter(&started.Row)
	return nil
}

// stop ends what serves, and takes its end of the wire away.
func (s *server) stop() {
	if s.served != nil {
		s.served.Stop()
		s.served = nil
	}
	if s.null != nil {
		s.null.Close()
		s.null = nil
	}
	if s.bed != nil {
		s.bed.Server.Close()
		s.bed = nil
	}
}
