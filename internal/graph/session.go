package graph

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	tf "github.com/wamuir/graft/tensorflow"

	"oscar/cluster"
)

// Session runs a graph. It may be used concurrently.
type Session struct {
	s       *tf.Session
	pending atomic.Int64 // bytes of tensors fed and fetched since the last garbage collection
	runs    atomic.Int64
	cluster *cluster.Session // if not nil, a failed run is a [cluster.Fault]

	signatures map[string]Signature
}

// collectEvery is the number of bytes of moved tensors after which a garbage collection runs.
// Tensors are in C memory, which finalizers free and which Go's collector does not count.
const collectEvery = 256 << 20

// Close frees the session and its variables.
func (s *Session) Close() error { return s.s.Close() }

// Runs returns the number of started runs.
func (s *Session) Runs() int64 { return s.runs.Load() }

// Feed gives a tensor its value for one run.
type Feed struct {
	To    Tensor
	Value Value
}

// Run feeds values, runs the targets and returns the fetched values, in one run. A canceled
// ctx prevents a run, but does not interrupt one.
func (s *Session) Run(ctx context.Context, feeds []Feed, fetch []Tensor, targets ...Op) ([]Value, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var moved int64
	in := make(map[tf.Output]*tf.Tensor, len(feeds))
	for i, f := range feeds {
		if !f.To.valid {
			return nil, fmt.Errorf("feed %d is not a tensor", i)
		}
		in[f.To.out] = f.Value.t
		moved += f.Value.size()
	}
	outputs := make([]tf.Output, len(fetch))
	for i, t := range fetch {
		if !t.valid {
			return nil, fmt.Errorf("fetch %d is not a tensor", i)
		}
		outputs[i] = t.out
	}
	ops := make([]*tf.Operation, len(targets))
	for i, t := range targets {
		if t.op == nil {
			return nil, fmt.Errorf("target %d is not an operation", i)
		}
		ops[i] = t.op
	}
	s.runs.Add(1)
	got, err := s.s.Run(in, outputs, ops)
	if err != nil {
		if s.cluster != nil {
			return nil, s.cluster.Fault(firstLine(err))
		}
		return nil, fmt.Errorf("run: %s", firstLine(err))
	}
	values := make([]Value, len(got))
	for i, t := range got {
		values[i] = Value{t}
		moved += values[i].size()
	}
	if s.pending.Add(moved) > collectEvery {
		s.pending.Store(0)
		runtime.GC()
	}
	return values, nil
}

// firstLine returns the first line of TensorFlow's message. The others are stack traces.
func firstLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return line
}
