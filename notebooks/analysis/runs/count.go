// SPDX-License-Identifier: Apache-2.0

package runs

import "fmt"

// Count is a number of things as text: "1 block", "2 blocks".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
