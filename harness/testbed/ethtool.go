// SPDX-License-Identifier: Apache-2.0

package testbed

import (
	"errors"

	"golang.org/x/sys/unix"
)

// busOf asks a port's driver where on its bus the device sits, for instance
// 0000:01:00.0; nothing for a device that is on none.
func busOf(iface string) (string, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	info, err := unix.IoctlGetEthtoolDrvinfo(fd, iface)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return unix.ByteSliceToString(info.Bus_info[:]), nil
}
