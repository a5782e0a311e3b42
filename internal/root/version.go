// SPDX-License-Identifier: Apache-2.0

package root

// Version is the project's own, by semantic versioning. CHANGELOG.md describes
// it; datasets have versions of their own.
const Version = "2.0.0-dev"
