package graph

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"
	config "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// Optimizer says what TensorFlow's graph optimiser may do in a session.
type Optimizer int

// The optimisers.
const (
	OptimizeAll     Optimizer = iota
	KeepTensors               // nothing is fused, thus every tensor can be fed and fetched
	OptimizeNothing           // two programs that compute the same give the same numbers
)

// optimizedOptions are [sessionOptions] with that optimiser.
func optimizedOptions(t Threads, o Optimizer) (*tf.SessionOptions, error) {
	options, err := sessionOptions(t)
	if err != nil || o == OptimizeAll {
		return options, err
	}
	c := &config.ConfigProto{}
	if err := proto.Unmarshal(options.Config, c); err != nil {
		return nil, err
	}
	rewriter := &config.RewriterConfig{Remapping: config.RewriterConfig_OFF}
	if o == OptimizeNothing {
		rewriter = &config.RewriterConfig{DisableMetaOptimizer: true}
	}
	c.GraphOptions = &config.GraphOptions{RewriteOptions: rewriter}
	options.Config, err = proto.Marshal(c)
	return options, err
}

// LoadOptimized is [Load] with an optimiser of the caller's choice.
func LoadOptimized(dir, tag string, threads Threads, o Optimizer) (*Graph, *Session, error) {
	options, err := optimizedOptions(threads, o)
	if err != nil {
		return nil, nil, err
	}
	m, err := tf.LoadSavedModel(dir, []string{tag}, options)
	if err != nil {
		return nil, nil, fmt.Errorf("load %s: %s", dir, firstLine(err))
	}
	return wrap(m.Graph), &Session{s: m.Session}, nil
}

// NewSessionOptimized is [Graph.NewSession] with an optimiser of the caller's
// choice.
func (g *Graph) NewSessionOptimized(threads Threads, o Optimizer) (*Session, error) {
	if g.err != nil {
		return nil, g.err
	}
	options, err := optimizedOptions(threads, o)
	if err != nil {
		return nil, err
	}
	s, err := tf.NewSession(g.g, options)
	if err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	return &Session{s: s}, nil
}
