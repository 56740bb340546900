package graph

import (
	"fmt"
	"os"

	tf "github.com/wamuir/graft/tensorflow"
	config "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/cluster"
	"oscar/internal/machine"
)

// Config configures a session. The zero value is float32 on all processors.
type Config struct {
	Threads   Threads
	Precision Precision
	Optimizer Optimizer
	// Cluster, if not nil, has the other processes that the session computes on.
	Cluster *cluster.Session
	// Trust allows models that can reach files, the network, Python or foreign code.
	// Package pipeline checks it.
	Trust bool
}

// Threads is the number of threads that TensorFlow may use in a session.
type Threads = machine.Threads

// separatePools is TensorFlow's variable for sessions with their own pools of Intra threads. Without
// it the first session of a process decides for all: a model that is only read would change the
// threads of a later training, and so the last bits of its results.
const separatePools = "TF_OVERRIDE_GLOBAL_THREADPOOL"

func init() { os.Setenv(separatePools, "1") }

// Precision is the number type of convolutions and matrix products. Variables, fed and fetched
// tensors are always float32.
type Precision = machine.Precision

// The precisions of a session.
const (
	Float32  = machine.Float32
	BFloat16 = machine.BFloat16
)

// Optimizer configures TensorFlow's graph optimizer in a session.
type Optimizer int

// The optimizers.
const (
	OptimizeAll     Optimizer = iota
	KeepTensors               // nothing is fused, so that every tensor can be fed and fetched
	OptimizeNothing           // equivalent graphs give the same numbers
)

// options returns TensorFlow's options. Only this function sets the precision.
func (c Config) options() (*tf.SessionOptions, error) {
	if err := c.Precision.Check(); err != nil {
		return nil, err
	}
	threads := c.Threads.Resolve()
	p := &config.ConfigProto{
		IntraOpParallelismThreads: int32(threads.Intra),
		InterOpParallelismThreads: int32(threads.Inter),
	}
	var rewriter *config.RewriterConfig
	switch c.Optimizer {
	case KeepTensors:
		rewriter = &config.RewriterConfig{Remapping: config.RewriterConfig_OFF}
	case OptimizeNothing:
		rewriter = &config.RewriterConfig{DisableMetaOptimizer: true}
	}
	switch {
	case c.Precision == BFloat16 && c.Optimizer != OptimizeNothing:
		if rewriter == nil {
			rewriter = &config.RewriterConfig{}
		}
		rewriter.AutoMixedPrecisionOnednnBfloat16 = config.RewriterConfig_ON
		if c.Cluster != nil {
			// A worker checks the graph that it gets, but fused bfloat16 convolutions have no definition. In
			// one process they are replaced before the check.
			rewriter.Remapping = config.RewriterConfig_OFF
		}
	case c.Precision != Float32:
		return nil, fmt.Errorf("a session cannot have precision %s with this optimizer", c.Precision)
	}
	if rewriter != nil {
		p.GraphOptions = &config.GraphOptions{RewriteOptions: rewriter}
	}
	target := ""
	if c.Cluster != nil {
		target, p.ClusterDef, p.OperationTimeoutInMs = c.Cluster.Target, c.Cluster.Def, c.Cluster.Timeout.Milliseconds()
	}
	b, err := proto.Marshal(p)
	return &tf.SessionOptions{Target: target, Config: b}, err
}

// Load opens the graph of a SavedModel under a tag and restores its variables.
func Load(dir, tag string, c Config) (*Graph, *Session, error) {
	options, err := c.options()
	if err != nil {
		return nil, nil, err
	}
	m, err := tf.LoadSavedModel(dir, []string{tag}, options)
	if err != nil {
		return nil, nil, fmt.Errorf("load %s: %s", dir, firstLine(err))
	}
	return wrap(m.Graph), &Session{s: m.Session, signatures: signaturesOf(m.Signatures)}, nil
}

// NewSession opens a session on the graph. Operations may still be added.
func (g *Graph) NewSession(c Config) (*Session, error) {
	if g.err != nil {
		return nil, g.err
	}
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	s, err := tf.NewSession(g.g, options)
	if err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	return &Session{s: s, cluster: c.Cluster}, nil
}
