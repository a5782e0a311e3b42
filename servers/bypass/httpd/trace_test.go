// SPDX-License-Identifier: Apache-2.0

package httpd

import (
	"strings"
	"testing"
)

func TestTrace(t *testing.T) {
	s, app, link, _ := setup(t, site(t), 0)
	now := int64(0)
	app.Trace = NewTrace(3, func() int64 { now++; return now })
	peers := connect(t, s, link, 2)
	for i := range 4 {
		app.Trace.Received = now
		peers[i%2].ask(s, link)
		now += 10
		app.Trace.SetSent(now)
	}
	rows := app.Trace.Rows
	if len(rows) != 3 {
		t.Fatalf("%d rows, the trace was for 3", len(rows))
	}
	for i, r := range rows {
		if r.Port != uint16(1024+i%2) || r.Offset != int64(i/2*len(request)) || r.Received >= r.TCP || r.TCP >= r.HTTP || r.HTTP >= r.Sent {
			t.Errorf("row %d: %+v", i, r)
		}
	}
	var out strings.Builder
	if err := app.Trace.Write(&out); err != nil || strings.Count(out.String(), "\n") != 4 {
		t.Errorf("%v: %q", err, out.String())
	}
}
