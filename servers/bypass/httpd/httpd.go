// SPDX-License-Identifier: Apache-2.0

// Package httpd runs the HTTP engine of package http1 on the connections of
// package tcpip.
package httpd

import (
	"crossing/servers/bypass/tcpip"
	"crossing/servers/http1"
)

// An App answers HTTP requests on the connections of one stack. It belongs to
// the stack's thread.
type App struct {
	http    *http1.Server
	streams []http1.Stream // by the connection's ID

	// Requests is the number of requests that were answered.
	Requests uint64
	// Trace, if set, records where the time of each request goes.
	Trace *Trace
}

// New returns an app that serves the site.
func New(site *http1.Site) *App { return &App{http: http1.NewServer(site)} }

// SetTime sets the time of Date fields, in seconds since 1970. Call it
// once per burst.
func (a *App) SetTime(unix int64) { a.http.SetTime(unix) }

// Opened implements tcpip.App.
func (a *App) Opened(c *tcpip.Conn) {
	for c.ID() >= len(a.streams) {
		a.streams = append(a.streams, http1.Stream{})
	}
	a.streams[c.ID()] = http1.Stream{}
	if a.Trace != nil {
		a.Trace.opened(c)
	}
}

// Closed implements tcpip.App.
func (a *App) Closed(*tcpip.Conn) {}

// Data implements tcpip.App: it responds to requests until there are no more or the
// connection cannot send.
func (a *App) Data(c *tcpip.Conn, b []byte) (taken int) {
	stream := &a.streams[c.ID()]
	var before int64
	for taken < len(b) && c.CanSend() {
		if a.Trace != nil {
			before = a.Trace.Now()
		}
		n, r := a.http.Serve(stream, b[taken:])
		taken += n
		if a.Trace != nil {
			a.Trace.consumed(c, n, r != nil, before)
		}
		if r == nil {
			break
		}
		a.Requests++
		c.SendSummed(r.Head, r.Sum)
		if len(r.Body) > 0 {
			c.Send(r.Body)
		}
		if r.Close {
			c.Close()
		}
	}
	return taken
}
