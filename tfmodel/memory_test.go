package tfmodel

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
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

// measured, in the environment, makes TestMeasuredTraining train the network
// of that name and print how much more memory it came to hold, in MiB.
const measured = "OSCAR_TEST_MEASURED"

func TestMeasuredTraining(t *testing.T) {
	a, err := Lookup(os.Getenv(measured), 6)
	if err != nil {
		t.Skip("run by TestForecastIsWhatTrainingTakes")
	}
	learn(t, newTrainer(t, Tiny(6), 1), noise(4, Tiny(6), 6), 0, 1e-4)
	before := resident(t)
	trainer := newTrainer(t, a, 1)
	b := noise(measuredBatch, a, 6)
	for i := range 4 {
		learn(t, trainer, b, i, 1e-4)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var peak int
	if _, err := fmt.Sscan(rest, &peak); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("measured %d\n", peak>>10-before)
}

const measuredBatch = 32

// The forecast is within a third of what a training takes. Whether a step holds a copy of the
// weights depends on the timing of two threads: of twenty processes that trained alexnet02,
// nine held 1.2 to 1.3 GiB, the others 1.5 to 1.7. A process without the copy is compared with
// the forecast without it.
func TestForecastIsWhatTrainingTakes(t *testing.T) {
	if testing.Short() {
		t.Skip("trains in processes of its own")
	}
	for _, name := range []string{"alexnet02", "resnet10"} {
		a, err := Lookup(name, 6)
		if err != nil {
			t.Fatal(err)
		}
		m, err := a.Memory(measuredBatch, Training{})
		if err != nil {
			t.Fatal(err)
		}
		took, most := takes(t, name), float64(m.Training>>20)
		least := most - float64(m.Gradients*5/4>>20)
		t.Logf("%s: %.0f MiB, the forecast is %.0f, without the copy %.0f", name, took, most, least)
		if most < took/1.33 || least > took*1.33 {
			t.Errorf("%s: training takes %.0f MiB, the forecast is %.0f, without the copy %.0f", name, took, most, least)
		}
	}
}

// takes is how much more memory a process that trains the network came to hold, in MiB, with the
// kernels of oneDNN. Without them alexnet02 takes two thirds of it, and resnet10 a third more.
func takes(t *testing.T, name string) (took float64) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestMeasuredTraining$")
	command.Env = append(os.Environ(), measured+"="+name, "TF_ENABLE_ONEDNN_OPTS=1")
	output, err := command.Output()
	_, rest, found := strings.Cut(string(output), "measured ")
	if _, scan := fmt.Sscan(rest, &took); err != nil || !found || scan != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return took
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

// What a training keeps for each trained weight is in the forecast.
func TestMemoryOfTraining(t *testing.T) {
	adam, err := Tiny(3).Memory(8, Training{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		training Training
		kept     int64
	}{
		{Training{}, 2},
		{Training{Optimizer: SGD{}}, 0},
		{Training{Optimizer: SGD{Momentum: 0.9}}, 1},
		{Training{Optimizer: RMSprop{Rho: 0.9, Epsilon: 1}}, 2},
		{Training{AverageDecay: 0.9}, 3},
		{Training{Accumulate: 2, AverageDecay: 0.9}, 4},
	} {
		m, err := Tiny(3).Memory(8, test.training)
		if err != nil || m.Optimizer != test.kept*adam.Gradients || m.Training-adam.Training != (test.kept-2)*adam.Gradients*5/4 {
			t.Errorf("%+v: %d bytes of %d, %v; want %d values a weight", test.training, m.Optimizer, m.Training, err, test.kept)
		}
	}
}
