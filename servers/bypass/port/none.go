// SPDX-License-Identifier: Apache-2.0

//go:build !dpdk

package port

import "errors"

// ErrNoDPDK reports that the program was built without DPDK.
var ErrNoDPDK = errors.New("this program was built without DPDK: install it (apt-get install libdpdk-dev dpdk-dev dpdk) and build again with make, which then sets the build tag dpdk")
