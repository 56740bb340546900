package study

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"oscar/experiment"
	"oscar/internal/atomicfile"
	"oscar/pipeline"
	"oscar/result"
	"oscar/tfmodel"
)

// The minimum values of a cut, and the share of a budget that is planned. The rest is a reserve,
// because a forecast from a few timed steps is not exact.
const (
	minEpochs = 5
	minImages = 20 // training images per class
	planned   = 0.9
)

// cost is the time of a variant's run, in seconds.
type cost struct {
	name   string
	epochs int     // versions of each training image, including itself
	copies int     // images per training image, with itself
	step   float64 // per image in training
	look   float64 // per image in inference
	save   float64 // per checkpoint
	fixed  float64 // to build, export and open the model, independent of the images
}

// load is the number of images in each step of a run.
type load struct {
	classes                 []int // training images per class
	validation, test, shown int   // number of images; shown are explained
	seeds                   int
}

// run returns the time of one run in seconds. train is the number of training images.
func (c cost) run(epochs, train int, l load) float64 {
	epoch := float64(train*c.copies)*c.step + float64(l.validation)*c.look + c.save
	return c.fixed + float64(epochs)*epoch + float64(train+l.test)*c.look + float64(l.shown)*c.step
}

// total returns the time of a study with a cut, in seconds.
func total(costs []cost, l load, share float64, perClass int) float64 {
	train := 0
	for _, n := range l.classes {
		train += min(n, perClass)
	}
	sum := 0.0
	for _, c := range costs {
		sum += float64(l.seeds) * c.run(cutEpochs(c.epochs, share), train, l)
	}
	return sum
}

// cutEpochs returns the share of the epochs, but at least minEpochs.
func cutEpochs(epochs int, share float64) int {
	return max(int(math.Round(share*float64(epochs))), min(epochs, minEpochs))
}

// cut returns the smallest cut that fits a budget in seconds: first epochs, then training images. It
// returns nil if no cut is needed.
func cut(costs []cost, l load, budget float64) (*result.Cut, error) {
	all := slices.Max(l.classes)
	c := &result.Cut{Budget: budget, Share: 1, Full: total(costs, l, 1, all)}
	if c.Full <= planned*budget {
		return nil, nil
	}
	const steps = 1000
	for k := steps - 1; k >= 0; k-- {
		c.Share = float64(k) / steps
		if c.Expected = total(costs, l, c.Share, all); c.Expected <= planned*budget {
			c.Text = epochsCut(costs, c.Share)
			return c, nil
		}
	}
	for n := all - 1; n >= min(all, minImages); n-- {
		c.TrainPerClass = n
		if c.Expected = total(costs, l, 0, n); c.Expected <= planned*budget {
			kept, had := 0, 0
			for _, of := range l.classes {
				kept, had = kept+min(of, n), had+of
			}
			c.Text = append(epochsCut(costs, 0), fmt.Sprintf("training images: at most %d of a class, %d of %d in all", n, kept, had))
			return c, nil
		}
	}
	least := 0
	for _, cost := range costs {
		least = max(least, cutEpochs(cost.epochs, 0))
	}
	return nil, fmt.Errorf("a budget of %s is too little: %d epochs of %d training images a class take about %s, and %s of it are planned for; give more, or take fewer variants or seeds",
		seconds(budget), least, min(all, minImages), seconds(c.Expected), seconds(planned*budget))
}

// epochsCut describes the cut of the epochs: "baseline, no-relu: 8 epochs of 40".
func epochsCut(costs []cost, share float64) []string {
	var out []string
	listed := map[int]bool{}
	for _, c := range costs {
		if listed[c.epochs] || cutEpochs(c.epochs, share) == c.epochs {
			continue
		}
		listed[c.epochs] = true
		names := ""
		for _, other := range costs {
			if other.epochs == c.epochs {
				if names != "" {
					names += ", "
				}
				names += other.name
			}
		}
		out = append(out, fmt.Sprintf("%s: %d epochs of %d", names, cutEpochs(c.epochs, share), c.epochs))
	}
	return out
}

// apply cuts the epochs of a training. It cuts phases and warm-up by the same share.
func apply(c *result.Cut, t *experiment.Training) {
	if c == nil {
		return
	}
	epochs := cutEpochs(t.Epochs, c.Share)
	kept := float64(epochs) / float64(t.Epochs)
	t.Epochs = epochs
	t.Schedule.WarmupEpochs *= kept
	t.Schedule.WarmupSteps = int(math.Round(kept * float64(t.Schedule.WarmupSteps)))
	t.Augmentation.Phases = slices.Clone(t.Augmentation.Phases)
	for i := range t.Augmentation.Phases {
		if p := &t.Augmentation.Phases[i]; p.Epochs > 0 {
			p.Epochs = max(1, int(math.Round(kept*float64(p.Epochs))))
		}
	}
}

// pace measures a variant's times on this machine with a few steps on random images.
func pace(ctx context.Context, name string, e experiment.Experiment, on pipeline.Machine, d disk) (cost, error) {
	c := cost{name: name, epochs: e.Training.Epochs, copies: e.Training.Augmentation.Images(1)}
	begin := time.Now()
	t, err := tfmodel.NewTrainer(e.Architecture, e.Training.Learning(), 1, on.Config(e.Training.Precision))
	if err != nil {
		return c, err
	}
	defer t.Close()
	if err := t.Init(ctx); err != nil {
		return c, err
	}
	images := e.Training.StepImages()
	batch := tfmodel.Batch{N: images, Images: make([]uint8, images*e.Architecture.Input.Elements()), Labels: make([]int, images)}
	for i := range batch.Images {
		batch.Images[i] = uint8(i * 31)
	}
	step := func(number int) error {
		_, _, err := t.Step(ctx, batch, number, e.Training.LearningRate)
		return err
	}
	if err := step(0); err != nil { // the first step also builds the plan
		return c, err
	}
	build := time.Since(begin).Seconds()
	const steps = 4
	begin = time.Now()
	for i := range steps {
		if err := step(i + 1); err != nil {
			return c, err
		}
	}
	c.step = time.Since(begin).Seconds() / float64(steps*batch.N)
	if _, _, err := t.Evaluate(ctx, batch); err != nil {
		return c, err
	}
	begin = time.Now()
	if _, _, err := t.Evaluate(ctx, batch); err != nil {
		return c, err
	}
	c.look = time.Since(begin).Seconds() / float64(batch.N)
	m, err := e.Architecture.Memory(e.Training.Batch, e.Training.Learning())
	// A checkpoint has weights and moments. The best epoch's weights are written a second time.
	c.save = float64(2*m.Weights+m.Optimizer)/d.rate + syncs*d.sync
	c.fixed = 5*build + float64(m.Weights)/d.rate
	return c, err
}

// disk is the speed of a folder's disk.
type disk struct {
	rate float64 // bytes per second
	sync float64 // seconds to write and sync a small file
}

// syncs is the approximate number of syncs per epoch: for the best weights, the metrics and the
// checkpoint.
const syncs = 15

// measureDisk measures the speed by writing a few files.
func measureDisk(dir string) (d disk, err error) {
	const large, several = 64 << 20, 8
	took, err := writeOnce(dir, large)
	if err != nil {
		return d, err
	}
	d.rate = large / took
	for range several {
		took, err := writeOnce(dir, 1)
		if err != nil {
			return d, err
		}
		d.sync += took / several
	}
	return d, nil
}

// writeOnce writes a file of that many bytes, removes it, and returns the seconds for writing.
func writeOnce(dir string, size int) (float64, error) {
	path := filepath.Join(dir, atomicfile.Prefix+"disk")
	defer os.Remove(path)
	begin := time.Now()
	err := atomicfile.Write(path, make([]byte, size))
	return time.Since(begin).Seconds(), err
}

// seconds formats a time as "1h10m" or "40s".
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d >= time.Minute {
		text := d.Round(time.Minute).String() // 1h10m0s
		return text[:len(text)-2]
	}
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
