package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"oscar/dataset"
	"oscar/heatmap"
)

// growth is the name for -jobs of the table of how cost grows. It is not a job: only oscar
// has it.
const growth = "growth"

// Growth is how the cost of verbs grows with the work.
type Growth struct {
	Command string `json:"command"`
	Commit  string `json:"commit"`
	Date    string `json:"date"`
	Shared  bool   `json:"shared,omitempty"` // other work ran beside it
	Costs   []Cost `json:"costs"`
}

// Cost is what a verb needed for some amount of work, its start and end included. Costs of
// the same Verb follow each other, from the least work to the most.
type Cost struct {
	Verb      string  `json:"verb"`
	Size      string  `json:"size"`
	Units     float64 `json:"units"`
	Unit      string  `json:"unit"`
	Seconds   float64 `json:"seconds"`
	Processor float64 `json:"processor"` // seconds of all processors
	Memory    int64   `json:"memory"`    // peak, in bytes
}

// Each returns the milliseconds of processor time per unit.
func (c Cost) Each() float64 { return 1000 * c.Processor / c.Units }

// Grows returns, for each cost, the processor time per unit divided by that of the cost with
// less work before it; 0 if there is none.
func (g *Growth) Grows(i int) float64 {
	if i == 0 || g.Costs[i-1].Verb != g.Costs[i].Verb {
		return 0
	}
	return g.Costs[i].Each() / g.Costs[i-1].Each()
}

// extent is how far the table goes.
type extent struct {
	images, classes, sides []int
	dealt                  int // images of the folders of several numbers of classes
	few                    int // images of the networks of several sizes
}

var (
	wholeExtent = extent{[]int{1000, 10000, 100000}, []int{10, 100, 1000}, []int{128, 256, 512}, 10000, 120}
	smallExtent = extent{[]int{60, 120}, []int{2, 10}, []int{32, 64}, 120, 60}
)

// grow measures the table. Images are drawn, 48x40, and all different; folders of classes are
// links to them.
func (h *harness) grow(ctx context.Context, e extent) ([]Cost, error) {
	files, err := h.drawMany(ctx, e.images[len(e.images)-1])
	if err != nil {
		return nil, err
	}
	var costs []Cost
	add := func(verb, size string, units float64, unit string, args ...string) error {
		c := Cost{Verb: verb, Size: size, Units: units, Unit: unit}
		if err := c.measure(ctx, args); err != nil {
			return fmt.Errorf("%s, %s: %w", verb, size, err)
		}
		h.say("  %-52s %-14s %8s ms a %s, %s", verb, size, figure(c.Each()), unit, memory(c.Memory))
		costs = append(costs, c)
		return nil
	}
	out := func(name string, n int) string { return h.path("out", fmt.Sprint(name, "-", n)) }
	tiny := []string{"--arch", "tiny", "--epochs", "1", "--maps=false", "--cache", "none"}

	for _, n := range e.images {
		if err := h.link(out("images", n), files[:n], e.classes[0]); err != nil {
			return nil, err
		}
		args := append([]string{"train", out("images", n), "--out", out("run", n)}, tiny...)
		if err := add("train, one epoch, tiny", fmt.Sprint(n, " images"), float64(n), "image", args...); err != nil {
			return nil, err
		}
	}
	model := out("run", e.images[0])
	for _, verb := range []string{"explain", "predict"} {
		for _, n := range e.images {
			args := []string{verb, model, out("images", n), "--out", out(verb, n)}
			if verb == "predict" {
				args[len(args)-1] += ".csv"
			}
			if err := add(verb+", tiny", fmt.Sprint(n, " images"), float64(n), "image", args...); err != nil {
				return nil, err
			}
		}
	}
	for _, n := range e.classes {
		if err := h.link(out("classes", n), files[:e.dealt], n); err != nil {
			return nil, err
		}
		args := append([]string{"train", out("classes", n), "--out", out("classrun", n)}, tiny...)
		if err := add(fmt.Sprintf("train, one epoch, tiny, %d images", e.dealt), fmt.Sprint(n, " classes"), float64(e.dealt), "image", args...); err != nil {
			return nil, err
		}
	}
	for _, n := range e.classes {
		if err := add(fmt.Sprintf("evaluate, tiny, of %d images", e.dealt), fmt.Sprint(n, " classes"), float64(e.dealt), "image", "evaluate", out("classrun", n), "--split", "all"); err != nil {
			return nil, err
		}
	}
	if err := h.link(out("images", e.few), files[:e.few], 2); err != nil {
		return nil, err
	}
	for _, side := range e.sides {
		args := []string{"train", out("images", e.few), "--out", out("side", side), "--arch", "resnet10", "--image-size", fmt.Sprint(side), "--epochs", "1", "--maps=false"}
		if err := add(fmt.Sprintf("train, one epoch, resnet10, %d images", e.few), fmt.Sprint(side, " px"), float64(e.few*side*side)/1e6, "megapixel", args...); err != nil {
			return nil, err
		}
	}
	for _, side := range e.sides {
		if err := add(fmt.Sprintf("explain, resnet10, %d images", e.few), fmt.Sprint(side, " px"), float64(e.few*side*side)/1e6, "megapixel",
			"explain", out("side", side), out("images", e.few), "--out", out("sideexplained", side)); err != nil {
			return nil, err
		}
	}
	for n := 1; n <= runtime.NumCPU(); n *= 2 {
		side := e.sides[0]
		args := []string{"explain", out("side", side), out("images", e.few), "--out", out("cores", n), "--threads", fmt.Sprint(n), "--workers", fmt.Sprint(n)}
		if err := add(fmt.Sprintf("explain, resnet10, %d images, %d px", e.few, side), fmt.Sprint(n, " cores"), float64(e.few), "image", args...); err != nil {
			return nil, err
		}
	}
	return costs, nil
}

// drawMany draws different small images, once.
func (h *harness) drawMany(ctx context.Context, n int) ([]string, error) {
	dir := h.path("many")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	files := make([]string, n)
	for i := range files {
		files[i] = filepath.Join(dir, fmt.Sprintf("%06d.jpg", i))
		if _, err := os.Stat(files[i]); err == nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		img, _, err := dataset.SyntheticImage(i%len(dataset.SyntheticClasses), i, dataset.SyntheticOptions{PerClass: n, Width: 48, Height: 40, Seed: 1})
		if err != nil {
			return nil, err
		}
		if err := heatmap.WriteJPEG(files[i], img); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// link makes a folder of classes of the files, dealt out in turn.
func (h *harness) link(dir string, files []string, classes int) error {
	if err := clear(dir); err != nil {
		return err
	}
	for i, file := range files {
		class := filepath.Join(dir, fmt.Sprintf("class%04d", i%classes))
		if i < classes {
			if err := os.Mkdir(class, 0o777); err != nil {
				return err
			}
		}
		if err := os.Link(file, filepath.Join(class, filepath.Base(file))); err != nil {
			return err
		}
	}
	return nil
}

// measure runs bin/oscar, with as many processors as --threads says.
func (c *Cost) measure(ctx context.Context, args []string) error {
	for i, a := range args {
		if a == "--out" {
			if err := os.RemoveAll(args[i+1]); err != nil {
				return err
			}
		}
	}
	cmd := exec.CommandContext(ctx, "bin/oscar", args...)
	cmd.Env = append(os.Environ(), "TF_CPP_MIN_LOG_LEVEL=2")
	for i, a := range args {
		if a == "--threads" {
			n, err := strconv.Atoi(args[i+1])
			if err != nil {
				return err
			}
			cmd = exec.CommandContext(ctx, "taskset", append([]string{"--cpu-list", fmt.Sprint("0-", n-1), "bin/oscar"}, args...)...)
			cmd.Env = append(os.Environ(), "TF_CPP_MIN_LOG_LEVEL=2", fmt.Sprint("GOMAXPROCS=", n))
		}
	}
	log := &tail{}
	cmd.Stderr = log
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return errors.Join(err, errors.New(strings.TrimSpace(log.String())))
	}
	c.Seconds = time.Since(begin).Seconds()
	c.Processor = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	c.Memory = peak(cmd.ProcessState)
	return nil
}
