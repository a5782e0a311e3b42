package sweep

import (
	"crossing/data"
	"crossing/harness/instance"
	"crossing/harness/load"
	"crossing/harness/testbed"
	"crossing/harness/trace"
)

// KernelTracer traces any tier on the kernel's stack.
type KernelTracer struct{}

// Start implements Tracer.
func (KernelTracer) Start(bed *testbed.Testbed, in *instance.Instance) (func(*load.Result) ([]data.Stage, error), error) {
	inode, err := bed.Server.Inode()
	if err != nil {
		return nil, err
	}
	t, err := trace.Start(in.Addr.Port(), inode)
	if err != nil {
		return nil, err
	}
	return func(r *load.Result) ([]data.Stage, error) {
		j, err := t.Stop(r.Requests, r.OriginNs)
		if err != nil {
			return nil, err
		}
		return j.Stages, nil
	}, nil
}
