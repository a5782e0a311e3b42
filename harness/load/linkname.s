// SPDX-License-Identifier: Apache-2.0

// The presence of an assembly file lets clock.go declare functions without bodies.
