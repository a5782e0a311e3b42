// SPDX-License-Identifier: Apache-2.0

// Package port takes an Ethernet port away from the kernel, or makes one, and
// moves frames in bursts: EAL, memory pool and buffers of DPDK, through go-dpdk
// where it has them and a small layer in C where it has not.
//
// A port is named by a string, KIND:REST:
//
//	af_packet:IFACE      a kernel interface through packet sockets
//	af_xdp:IFACE         a kernel interface through an XDP socket
//	tap:IFACE            a new kernel interface
//	memif-server:SOCKET  shared memory with another process, which this one creates
//	memif-client:SOCKET  the other end of it
//	vhost:SOCKET         likewise, the end that a virtio driver connects to
//	virtio-user:SOCKET   the virtio driver's end
//	vf:IFACE             a virtual function that is made of an interface's device
//	pci:ADDRESS          a device that is bound to vfio-pci, as 0000:01:10.0
//
// A port is checked before anything is taken from the kernel, and each error names
// the remedy. One port belongs to one process: a lock that ends with its holder
// ensures that.
//
// Everything here but [Check] needs the build tag dpdk and DPDK's development
// files; without, [Open] returns an error.
package port
