// SPDX-License-Identifier: Apache-2.0

package vm

// guestPackages are what the guest's Debian holds beyond its essential
// packages: the servers to compare and the tools to do it with. DPDK programs
// are built on the host and find their libraries here.
var guestPackages = []string{
	"apache2", "nginx-light", "python3-flask", "gunicorn", // servers
	"wrk", "curl", // clients
	"dpdk", "librte-meta-net", "librte-meta-mempool", // the bypass tier's libraries
	"ethtool", "iproute2", "iputils-ping", "procps", "kmod", "pciutils", "util-linux", // tools
}

// guestModules are the kernel modules, with all that they need, that stand in
// the initial file system. Those of bootModules are loaded at start; modprobe
// finds the others.
var (
	bootModules  = []string{"loop", "squashfs", "overlay", "igb"}
	guestModules = append([]string{
		"igbvf", "vfio-pci", "vfio_iommu_type1", "veth", "ext4",
		"sch_ingress", "cls_bpf", "act_bpf", "sch_fq", "tcp_bbr",
		"nfnetlink", "xfrm_user", "nf_tables", "tun", "bridge", "sch_netem",
	}, bootModules...)
)

// hostTools are the programs that building and running a machine takes, each
// with its Debian package.
var hostTools = []struct{ Command, Package string }{
	{"qemu-system-x86_64", "qemu-system-x86 and seabios from backports (setup/backports.sh)"},
	{"mmdebstrap", "mmdebstrap"},
	{"mksquashfs", "squashfs-tools"},
	{"apt-get", "apt"},
	{"dpkg-deb", "dpkg"},
	{"depmod", "kmod"},
	{"make", "make"},
	{"gcc", "gcc"},
}
