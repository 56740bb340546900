package tfmodel

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"oscar/cluster"
	"oscar/cluster/clustertest"
	"oscar/internal/graph"
)

// loopbackBytes returns the bytes that were sent over loopback.
func loopbackBytes(b *testing.B) (sent float64) {
	b.Helper()
	text, err := os.ReadFile("/proc/self/net/dev")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if counters, ok := strings.CutPrefix(strings.TrimSpace(line), "lo:"); ok {
			if _, err := fmt.Sscan(counters, &sent); err != nil {
				b.Fatal(err)
			}
		}
	}
	return sent
}

// BenchmarkClusterStep measures training steps of 32 images in this process and on workers, all
// with one thread, and the bytes that a step sends over loopback. In a network namespace nothing
// else is counted:
//
//	unshare -rn sh -c 'ip link set lo up && go test ./tfmodel -run - -bench ClusterStep -benchtime 5x'
func BenchmarkClusterStep(b *testing.B) {
	for _, name := range []string{"resnet10", "alexnet02"} {
		for _, workers := range []int{0, 1, 2} {
			b.Run(fmt.Sprintf("%s/workers=%d", name, workers), func(b *testing.B) {
				a, err := Lookup(name, 6)
				if err != nil {
					b.Fatal(err)
				}
				config := Config{Threads: graph.Threads{Intra: 1}}
				if workers > 0 {
					o := cluster.Options{Spec: clustertest.Start(b, workers).Spec(), StepTimeout: 10 * time.Minute}
					if config.Cluster, err = o.Join(b.Context(), config.Threads, func(note string) { b.Log(note) }); err != nil {
						b.Fatal(err)
					}
				}
				trainer, err := NewTrainer(a, Training{}, 5, config)
				if err != nil {
					b.Fatal(err)
				}
				defer trainer.Close()
				if err := trainer.Init(b.Context()); err != nil {
					b.Fatal(err)
				}
				step := func(number int) {
					if _, _, err := trainer.Step(b.Context(), randomBatch(a, 32, number), number, 1e-4); err != nil {
						b.Fatal(err)
					}
				}
				step(0) // TensorFlow prepares the graph
				before := loopbackBytes(b)
				b.ResetTimer()
				for i := range b.N {
					step(i + 1)
				}
				b.ReportMetric((loopbackBytes(b)-before)/float64(b.N)/1e6, "MB/step")
			})
		}
	}
}
