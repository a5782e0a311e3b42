// SPDX-License-Identifier: Apache-2.0

package sriov

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os/exec"
	"strings"
	"time"
)

// A link is the harness's end of the connection to an agent.
type link struct {
	where  string // a description
	cmd    *exec.Cmd
	in     io.Closer
	said   *bytes.Buffer
	client *rpc.Client
	lost   context.CancelCauseFunc // told when the agent is gone
}

// connect starts an agent by a line of shell.
func connect(ctx context.Context, s shell, line string, lost context.CancelCauseFunc) (*link, error) {
	l := &link{where: "this machine", said: &bytes.Buffer{}, lost: lost}
	if s.ssh != "" {
		l.where = s.ssh
	}
	// Its end is the end of its input, so that it puts back what it has changed.
	l.cmd = s.command(context.WithoutCancel(ctx), line)
	l.cmd.Stderr = l.said
	in, err := l.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := l.cmd.Start(); err != nil {
		return nil, err
	}
	l.in = in
	r := bufio.NewReader(out)
	for {
		text, err := r.ReadString('\n')
		if strings.TrimSpace(text) == greeting {
			break
		}
		if err != nil {
			in.Close()
			if err := l.cmd.Wait(); err != nil {
				return nil, s.explain(err, l.said.String())
			}
			return nil, fmt.Errorf("the agent on %s said nothing: %s", l.where, l.said)
		}
	}
	l.client = rpc.NewClient(struct {
		io.Reader
		io.WriteCloser
	}{r, in})
	go l.ping()
	return l, nil
}

// ping tells the agent that the harness is there, until the link is closed.
func (l *link) ping() {
	for l.call(context.Background(), "Ping", 0, new(int)) == nil {
		time.Sleep(silence / 5)
	}
}

// call asks the agent.
func (l *link) call(ctx context.Context, method string, args, reply any) error {
	c := l.client.Go("Agent."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-c.Done:
	}
	var told rpc.ServerError
	switch {
	case c.Error == nil:
		return nil
	case errors.As(c.Error, &told):
		return fmt.Errorf("%s: %w", l.where, told)
	default:
		err := fmt.Errorf("the connection to %s is gone (%w)", l.where, c.Error)
		l.lost(err)
		return err
	}
}

// close lets the agent put its machine back, and waits until it has.
func (l *link) close() error {
	if l == nil {
		return nil
	}
	_ = l.client.Close() // and with it the agent's input
	if err := l.cmd.Wait(); err != nil {
		return fmt.Errorf("putting %s back: %w: %s; harness doctor --undo --testbed FILE tries again", l.where, err, strings.TrimSpace(l.said.String()))
	}
	return nil
}
