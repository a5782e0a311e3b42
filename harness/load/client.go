// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"crossing/data/dataset"
	"crossing/servers/clientrow"
)

// clientFailures are the failures that a client program's rows hold.
var clientFailures = map[clientrow.Failure]dataset.Failure{
	clientrow.None: dataset.None, clientrow.Reset: dataset.Reset, clientrow.Closed: dataset.Closed, clientrow.Malformed: dataset.Malformed,
}

// A clientReport is the last line of JSON that a client program prints. An
// earlier line with no more than origin_ns says that the warm-up begins.
type clientReport struct {
	Conns    int     `json:"conns"`
	Opened   int     `json:"opened"`
	Seconds  float64 `json:"seconds"`   // measured part
	CPUNs    int64   `json:"cpu_ns"`    // its CPU time, warm-up included
	OriginNs int64   `json:"origin_ns"` // CLOCK_MONOTONIC at the start of the warm-up
	Full     bool    `json:"full"`      // there was no room for more rows
	Wire     string  `json:"wire"`      // what joins it to the server
}

// RunClient puts a closed loop on the target by a program of its own, which may
// have a way to the server that this one has not, such as a port without a
// kernel (bin/dpdkload). It is started as
//
//	ARGV... --target ADDRESS:PORT --host HOST --path PATH --connections N --warmup D --duration D --rows FILE
//
// writes a row for each request and prints a report. Only what such a program
// knows is in the result: there are no kernel's stamps and no jitter floor.
func RunClient(ctx context.Context, c Config, argv []string) (*Result, error) {
	c, err := c.normal()
	switch {
	case err != nil:
		return nil, err
	case len(argv) == 0:
		return nil, errors.New("load: no client program is named")
	case c.Schedule != nil || c.Stamps || c.Workers != 1 || len(c.CPUs) > 0 || len(c.Fields) > 0 || !c.Start.IsZero():
		return nil, errors.New("load: a client program of its own knows no rate, no stamps, no workers, no CPUs, no header fields and no time of start")
	}
	dir, err := os.MkdirTemp("", "load-client-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "rows")
	limit, cancel := context.WithTimeout(ctx, c.WarmUp+c.Duration+time.Minute)
	defer cancel()
	argv = append(argv[:len(argv):len(argv)], "--target", c.Target.String(), "--host", c.Host, "--path", c.Path,
		"--connections", strconv.Itoa(c.Connections), "--warmup", c.WarmUp.String(), "--duration", c.Duration.String(), "--rows", file)
	cmd := c.Command(limit, argv[0], argv[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it may have a device to give back
	cmd.WaitDelay = 10 * time.Second
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("load: %s: %w", argv[0], err)
	}
	p, parseErr := hearClient(out, &c)
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("load: %s: %w: %s", argv[0], err, strings.TrimSpace(errs.String()))
	}
	if parseErr != nil {
		return nil, fmt.Errorf("load: %s printed no report: %w", argv[0], parseErr)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("load: %s wrote no rows: %w", argv[0], err)
	}
	defer f.Close()
	r := &Result{
		OriginNs: p.OriginNs, Mode: Spin, Connections: c.Connections, Workers: 1, WarmUp: c.WarmUp,
		Elapsed: time.Duration(p.Seconds * 1e9), Opened: p.Opened, Full: p.Full, Wire: p.Wire,
		ClientCPU: time.Duration(p.CPUNs), UserCPU: time.Duration(p.CPUNs),
	}
	if r.Requests, err = readClientRows(f, &c); err != nil {
		return nil, fmt.Errorf("load: rows of %s: %w", argv[0], err)
	}
	return r, nil
}

// hearClient reads what a client program prints, to the end, and calls AtEdge when
// the measured part starts and ends. It returns the report.
func hearClient(out io.Reader, c *Config) (report clientReport, err error) {
	finish := make(chan struct{})
	var edges sync.WaitGroup
	defer edges.Wait()
	defer close(finish)
	err = io.EOF // no line at all
	for lines := bufio.NewScanner(out); lines.Scan(); {
		report = clientReport{}
		if err = json.Unmarshal(lines.Bytes(), &report); err != nil {
			err = fmt.Errorf("%w: %.200q", err, lines.Text())
			continue // until the program has said all, so that it does not stop
		}
		if report == (clientReport{OriginNs: report.OriginNs}) && c.AtEdge != nil {
			edges.Go(func() { atEdges(c, report.OriginNs, finish) })
		}
	}
	return report, err
}

// readClientRows reads rows to the end and checks each response.
func readClientRows(from io.Reader, c *Config) (rows []dataset.Request, err error) {
	b, err := io.ReadAll(from)
	if err != nil {
		return nil, err
	}
	if len(b)%clientrow.Size != 0 {
		return nil, fmt.Errorf("%d bytes are no whole rows of %d", len(b), clientrow.Size)
	}
	rows = make([]dataset.Request, 0, len(b)/clientrow.Size)
	for i := 0; len(b) > 0; i, b = i+1, b[clientrow.Size:] {
		row, err := clientrow.Decode(b)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
		q := dataset.Request{
			IntendedNs: row.SentNs, SentNs: row.SentNs, FirstByteNs: row.FirstByteNs, LastByteNs: row.LastByteNs, Offset: row.Offset, Bytes: row.Bytes,
			Conn: row.Conn, Port: row.Port, Status: row.Status, WarmUp: row.SentNs < int64(c.WarmUp), Failure: clientFailures[row.Failure],
		}
		switch {
		case q.Failure != dataset.None:
			q.Status = 0
		case int(q.Status) != c.Status:
			q.Failure = dataset.Status
		case c.BodyLen >= 0 && q.Bytes != c.BodyLen:
			q.Failure = dataset.Length
		}
		rows = append(rows, q)
	}
	return rows, nil
}
