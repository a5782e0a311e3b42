// SPDX-License-Identifier: Apache-2.0

package stats

// Level is the confidence level of the study's intervals.
const Level = 0.95

// Alpha is the level of the study's tests.
const Alpha = 0.05
