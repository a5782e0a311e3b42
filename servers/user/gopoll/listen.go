// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// listen opens a listening socket. Several may listen at one address: the kernel
// then distributes connections among them.
func listen(at netip.AddrPort) (fd int, err error) {
	family, sa := unix.AF_INET6, unix.Sockaddr(nil)
	if ip := at.Addr().Unmap(); ip.Is4() {
		family, sa = unix.AF_INET, &unix.SockaddrInet4{Port: int(at.Port()), Addr: ip.As4()}
	} else {
		sa = &unix.SockaddrInet6{Port: int(at.Port()), Addr: ip.As16()}
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	for _, option := range []int{unix.SO_REUSEADDR, unix.SO_REUSEPORT} {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1); err != nil {
			return -1, fmt.Errorf("setsockopt: %w", err)
		}
	}
	// Accepted sockets inherit it: no Nagle algorithm (RFC 9293 section 3.7.4).
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return -1, fmt.Errorf("TCP_NODELAY: %w", err)
	}
	if err := unix.Bind(fd, sa); err != nil {
		remedy := ""
		switch {
		case errors.Is(err, unix.EADDRINUSE):
			remedy = "; it is in use: stop that server or choose another port"
		case errors.Is(err, unix.EADDRNOTAVAIL):
			remedy = "; no interface here has that address"
		case errors.Is(err, unix.EACCES):
			remedy = "; ports below 1024 need root or CAP_NET_BIND_SERVICE"
		}
		return -1, fmt.Errorf("bind to %s: %w%s", at, err, remedy)
	}
	if err := unix.Listen(fd, 4096); err != nil {
		return -1, fmt.Errorf("listen: %w", err)
	}
	return fd, nil
}
