// SPDX-License-Identifier: Apache-2.0

package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// PinInterrupts lets each host's port interrupt only that host's first CPU, so
// that one end's packets are not handled at the other end's expense. A device
// without interrupts of its own, as a veth is, has nothing to pin. It must be
// called with the ports up, which is when a driver asks for interrupts.
func (t *Testbed) PinInterrupts() error {
	for _, h := range []*Host{t.Server, t.Client} {
		if err := h.PinInterrupts(); err != nil {
			return err
		}
	}
	return nil
}

// PinInterrupts does so for one host.
func (h *Host) PinInterrupts() error {
	// What sysfs shows below /sys/class/net depends on the namespace that it was
	// mounted in; the PCI device is there in all.
	link, err := h.pciDevice()
	if err != nil || link == "" {
		return err
	}
	irqs, err := os.ReadDir(filepath.Join(link, "msi_irqs"))
	if err != nil {
		return nil // no message-signalled interrupts
	}
	for _, irq := range irqs {
		file := filepath.Join("/proc/irq", irq.Name(), "smp_affinity_list")
		if _, err := os.Stat(file); err != nil {
			continue // allotted but not in use
		}
		if err := os.WriteFile(file, []byte(strconv.Itoa(h.CPUs[0])), 0o644); err != nil {
			return fmt.Errorf("giving interrupt %s of %s to CPU %d: %w", irq.Name(), h.Iface, h.CPUs[0], err)
		}
	}
	return nil
}

// pciDevice finds the port's PCI device by what its driver says, or nothing if
// it has none.
func (h *Host) pciDevice() (string, error) {
	var device string
	err := h.Do(func() error {
		bus, err := busOf(h.Iface)
		if err != nil || bus == "" {
			return err
		}
		device = filepath.Join("/sys/bus/pci/devices", bus)
		return nil
	})
	if _, statErr := os.Stat(device); device == "" || statErr != nil {
		return "", err
	}
	return device, err
}
