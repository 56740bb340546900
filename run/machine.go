package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"oscar/cluster"
	"oscar/dataset"
	"oscar/internal/graph"
)

// ErrInterrupted is returned by a job that was canceled and has saved everything that
// is needed to resume it.
var ErrInterrupted = errors.New("interrupted")

// Threads is the number of threads that TensorFlow uses; see [graph.Threads].
type Threads = graph.Threads

// Precision is the number type in which a model computes; see [graph.Precision].
type Precision = graph.Precision

// Config configures a session; see [graph.Config].
type Config = graph.Config

// Machine configures how a job uses the machine: speed and memory. Threads can change the last bits
// of results; the other fields do not change results.
type Machine struct {
	Threads         Threads
	Workers         int               // images decoded concurrently; 0: one per processor
	Cache           dataset.CacheMode // where decoded images are kept between epochs
	CheckpointEvery int               // steps between checkpoints within an epoch; 0: none
	Limits          dataset.Limits    // limits for images to evaluate or explain; an experiment has its own
	// Cluster, if not nil, has the workers that compute training steps. Their number can change the
	// last bits, and batch normalization; see [tfmodel.NewTrainer].
	Cluster *cluster.Options
	// Trust allows models that can reach files, the network, Python or foreign code.
	Trust bool
}

// Config returns a session's configuration for this machine in a precision.
func (m Machine) Config(p Precision) Config {
	return Config{Threads: m.Threads, Precision: p, Trust: m.Trust}
}

// Check returns an error for the first number out of range.
func (m Machine) Check() error {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"threads", int64(m.Threads.Intra)}, {"inter-threads", int64(m.Threads.Inter)}, {"workers", int64(m.Workers)},
		{"checkpoint-every", int64(m.CheckpointEvery)}, {"max-pixels", m.Limits.MaxPixels}, {"max-bytes", m.Limits.MaxBytes},
	} {
		if f.value < 0 {
			return fmt.Errorf("%s is %d, want 0 or more", f.name, f.value)
		}
	}
	if m.Cluster != nil {
		return m.Cluster.Check()
	}
	return nil
}

// Hashes returns the folder in the user's cache for the hashes of large image sets, see
// [dataset.ScanOptions]. It returns "" if there is no cache.
func Hashes() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "oscar", "hashes")
}
