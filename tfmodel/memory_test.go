package tfmodel

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// resident returns the MiB of memory this process holds.
func resident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() >> 20
}

// checkGrowth runs a job many times, after once to warm up, and checks how much
// more memory it held at most.
func checkGrowth(t *testing.T, times, ceiling int, job func(i int)) {
	t.Helper()
	job(0)
	for range 3 { // what earlier tests left is freed by finalisers, in their time
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	before, most := resident(t), 0
	for i := range times {
		job(i + 1)
		most = max(most, resident(t)-before)
	}
	t.Logf("%d times: at most %d MiB more than the %d before", times, most, before)
	if most > ceiling {
		t.Errorf("memory grew by %d MiB in %d times, want at most %d", most, times, ceiling)
	}
}

// What a step leaves behind beside its batch must not add up: here the images
// are small, and the steps many.
func TestManySmallStepsDoNotGrowMemory(t *testing.T) {
	a := Tiny(3)
	trainer := newTrainer(t, a, 1)
	b := noise(4, a, 3)
	checkGrowth(t, 1000, 40, func(i int) { learn(t, trainer, b, i, 1e-3) })
}

// A batch is a tensor in C memory, of which Go's collector sees a few bytes.
// Were each kept until Go felt a need to collect, these 300 would take 1.8 GiB.
func TestTrainingOverManyBatchesDoesNotGrowMemory(t *testing.T) {
	a := Architecture{Name: "wide", Input: Shape{256, 256, 3}, Layers: []Named{
		{"pool", &MaxPool2D{Size: 16, Stride: 16, Padding: Valid}},
		{"conv", &Conv2D{Filters: 4, Kernel: 3, Stride: 1, Padding: Same}},
		{"relu", &ReLU{}},
		{"gap", &GlobalAveragePool2D{}},
		{"fc", &Dense{Units: 3}},
	}}
	trainer := newTrainer(t, a, 1)
	whole := noise(32, a, 3) // 6 MiB
	last := Batch{N: 5, Images: whole.Images[:5*a.Input.Elements()], Labels: whole.Labels[:5]}
	checkGrowth(t, 300, 600, func(i int) {
		b := whole
		if i%20 == 19 { // an epoch's last batch, and a look at the validation part
			b = last
			if _, _, err := trainer.Evaluate(t.Context(), whole); err != nil {
				t.Fatal(err)
			}
		}
		learn(t, trainer, b, i, 1e-3)
	})
}
