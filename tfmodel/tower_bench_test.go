package tfmodel

import (
	"fmt"
	"os"
	"strconv"
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

// processorTime returns the processor time of processes.
func processorTime(b *testing.B, pids []int) (total time.Duration) {
	b.Helper()
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			b.Fatal(err)
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		for _, f := range fields[11:13] { // utime and stime, in ticks of 10 ms
			ticks, err := strconv.Atoi(f)
			if err != nil {
				b.Fatal(err)
			}
			total += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return total
}

// BenchmarkClusterStep measures training steps of 32 images in this process and on workers, all
// with one thread: the time of a step, the processor time of all processes, and the bytes that a
// step sends over loopback. In a network namespace nothing
// else is counted:
//
//	unshare -rn sh -c 'ip link set lo up && go test ./tfmodel -run - -bench ClusterStep -benchtime 5x'
func BenchmarkClusterStep(b *testing.B) {
	for _, name := range []string{"resnet10", "alexnet02"} {
		for _, way := range []struct {
			workers      int
			synchronized bool
		}{{0, false}, {1, false}, {2, false}, {2, true}} {
			workers := way.workers
			b.Run(fmt.Sprintf("%s/workers=%d/synchronized=%t", name, workers, way.synchronized), func(b *testing.B) {
				a, err := Lookup(name, 6)
				if err != nil {
					b.Fatal(err)
				}
				config := Config{Threads: graph.Threads{Intra: 1}}
				pids := []int{os.Getpid()}
				if workers > 0 {
					servers := clustertest.Start(b, workers)
					for i := range workers {
						pids = append(pids, servers.PID(i))
					}
					o := cluster.Options{Spec: servers.Spec(), StepTimeout: 10 * time.Minute}
					if config.Cluster, err = o.Join(b.Context(), config.Threads, func(note string) { b.Log(note) }); err != nil {
						b.Fatal(err)
					}
				}
				trainer, err := NewTrainer(a, Training{SynchronizedBatchNormalization: way.synchronized}, 5, config)
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
				before, worked := loopbackBytes(b), processorTime(b, pids)
				b.ResetTimer()
				for i := range b.N {
					step(i + 1)
				}
				b.ReportMetric((loopbackBytes(b)-before)/float64(b.N)/1e6, "MB/step")
				b.ReportMetric(float64((processorTime(b, pids)-worked).Milliseconds())/float64(b.N), "cpu-ms/step")
			})
		}
	}
}
