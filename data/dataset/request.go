// SPDX-License-Identifier: Apache-2.0

package dataset

// A Request is one HTTP request as the client saw it: one row.
//
// All times are CLOCK_MONOTONIC of the client's machine, in nanoseconds, less
// the run's origin (Run.OriginNs), so that they are small and start near zero.
// They never decrease in the order Intended, Sent, FirstByte, LastByte.
//
// Latency has two honest meanings, and both follow from a row:
// service time is LastByteNs-SentNs, response time is LastByteNs-IntendedNs.
// In a closed loop they are the same, since a request is due the moment it is
// sent; in an open loop their difference is the wait that a closed loop omits
// (coordinated omission).
type Request struct {
	IntendedNs  int64  // when the schedule wanted it sent; in a closed loop, SentNs
	SentNs      int64  // just before the send system call (or TX burst)
	FirstByteNs int64  // just after the receive call that brought the first byte
	LastByteNs  int64  // just after the receive call that brought the last byte
	StampNs     int64  // kernel's or NIC's receive stamp of the last segment; 0: none
	Offset      int64  // bytes sent on this connection before this request
	Bytes       int64  // length of the body received
	Conn        int32  // connection, 0 … N-1; a reconnect takes a new number ≥ N
	Port        uint16 // client's TCP port: with Offset the join key to server stages
	Status      uint16 // HTTP status; 0: no complete response
	Failure     Failure
	WarmUp      bool // within the run's warm-up
}

// ServiceNs is the time from the send to the last byte.
func (r *Request) ServiceNs() int64 { return r.LastByteNs - r.SentNs }

// ResponseNs is the time from when the request was due to the last byte.
func (r *Request) ResponseNs() int64 { return r.LastByteNs - r.IntendedNs }

// OK reports whether the request was answered as the site demands.
func (r *Request) OK() bool { return r.Failure == None }

// A Failure is the way in which a request was not answered as demanded.
type Failure uint8

// The kinds of failure. The numbers are stored and never change.
const (
	None      Failure = iota
	Refused           // connection could not be opened
	Reset             // connection reset by the peer
	Closed            // connection closed before the response was whole
	Timeout           // no complete response within the time limit
	Malformed         // bytes that are no HTTP/1.1 response
	Status            // complete, but not the status that was asked for
	Length            // complete, but not the length that the site demands
	Surplus           // bytes after the response that belong to no request
	Unsent            // due within the run, but no connection was free to send it
	Shed              // a kept-alive connection closed under it before any byte; sent again elsewhere (RFC 9112 section 9.3.1)
	Cut               // outstanding when the run was stopped
	failures
)

var failureNames = [...]string{"none", "refused", "reset", "closed", "timeout", "malformed", "status", "length", "surplus", "unsent", "shed", "cut"}

// String returns the name that the dataset's documentation uses.
func (f Failure) String() string {
	if int(f) < len(failureNames) {
		return failureNames[f]
	}
	return "unknown"
}

// Failures lists every kind but None.
func Failures() []Failure {
	all := make([]Failure, 0, failures-1)
	for f := Refused; f < failures; f++ {
		all = append(all, f)
	}
	return all
}
