package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"oscar/internal/machine"
)

// contestant is a program that does some of the jobs.
type contestant struct {
	Name     string
	Packages string   // packages of scripts/setup-python; "" is oscar itself
	Script   []string // script below bench, with arguments that distinguish contestants of one script
	Jobs     []string // work in float32
	BFloat16 []string // work in bfloat16
	Does     string   // other work of oscar that is compared with the others' work
	Float32  bool     // oscar in float32 beside work in bfloat16
}

const oscar = "oscar"

// oscar itself, doing other work or in another precision, is also a contestant.
const (
	classifying = "oscar, prediction alone"
	remembered  = "oscar, Grad-CAM in memory"
	inFloat32   = "oscar, float32"
)

// byBoth is what is measured in both precisions. Integrated gradients are always in float32,
// and so are oscar's detections.
var byBoth = slices.Clip([]string{train, classify, gradcamJob, folder, scorecam, rise, lime})

var contestants = []contestant{
	{Name: oscar, Jobs: []string{matmul, copying, train, classify, gradcamJob, folder, integrated, scorecam, rise, lime, cold, detectTrain, detect, detectFolder}, BFloat16: append(byBoth, detectTrain)},
	{Name: inFloat32, BFloat16: append(byBoth, detectTrain, detect), Float32: true},
	{Name: classifying, Jobs: []string{gradcamJob}, BFloat16: []string{gradcamJob}, Does: classify},
	{Name: remembered, Jobs: []string{folder}, BFloat16: []string{folder}, Does: gradcamJob},
	{Name: "Keras", Packages: "bench", Script: []string{"with_keras.py", "plain"}, Jobs: []string{matmul, train, classify, cold}, BFloat16: []string{train}},
	{Name: "Keras, tf.function", Packages: "bench", Script: []string{"with_keras.py", "function"}, Jobs: []string{classify, gradcamJob, folder, integrated, scorecam, rise, cold}, BFloat16: []string{classify, gradcamJob, folder, scorecam, rise}},
	{Name: "PyTorch", Packages: "torch-current", Script: []string{"with_torch.py", "plain"}, Jobs: []string{matmul, copying, train, classify, gradcamJob, rise}, BFloat16: []string{train, classify, gradcamJob, rise}},
	{Name: "PyTorch, torch.compile", Packages: "torch-current", Script: []string{"with_torch.py", "compiled"}, Jobs: []string{train, classify, gradcamJob}, BFloat16: []string{train, classify, gradcamJob}},
	{Name: "PyTorch 2.2", Packages: "torch", Script: []string{"with_torch.py", "plain"}, Jobs: []string{train}},
	{Name: "pytorch-grad-cam", Packages: "torch", Script: []string{"with_grad_cam.py", "plain"}, Jobs: []string{gradcamJob, folder, scorecam, cold}},
	{Name: "pytorch-grad-cam, frozen weights", Packages: "torch", Script: []string{"with_grad_cam.py", "frozen"}, Jobs: []string{gradcamJob, folder}},
	{Name: "Captum", Packages: "torch-current", Script: []string{"with_captum.py"}, Jobs: []string{gradcamJob, folder, integrated, cold}, BFloat16: []string{gradcamJob}},
	{Name: "Xplique", Packages: "bench", Script: []string{"with_xplique.py"}, Jobs: []string{gradcamJob, integrated, rise}},
	{Name: "OpenVINO", Packages: "runtimes", Script: []string{"with_runtimes.py", "openvino"}, Jobs: []string{classify, scorecam, rise}, BFloat16: []string{classify, scorecam, rise}},
	{Name: "ONNX Runtime", Packages: "runtimes", Script: []string{"with_runtimes.py", "onnxruntime"}, Jobs: []string{classify, scorecam, rise}},
	{Name: "lime, PyTorch", Packages: "torch", Script: []string{"with_lime.py", "torch"}, Jobs: []string{lime}},
	{Name: "lime, Keras", Packages: "bench", Script: []string{"with_lime.py", "keras"}, Jobs: []string{lime}, BFloat16: []string{lime}},
	{Name: "lime, OpenVINO", Packages: "runtimes", Script: []string{"with_lime.py", "openvino"}, Jobs: []string{lime}, BFloat16: []string{lime}},
	{Name: "lime, ONNX Runtime", Packages: "runtimes", Script: []string{"with_lime.py", "onnxruntime"}, Jobs: []string{lime}},
	{Name: "torchvision", Packages: "torchvision", Script: []string{"with_torchvision.py", "plain"}, Jobs: []string{detectTrain, detect, detectFolder}, BFloat16: []string{detectTrain, detect}},
}

// of lists the contestants of a job, the one first that the others are held against.
func of(j job) []contestant {
	var out []contestant
	for _, c := range contestants {
		work := c.Jobs
		if j.Precision == machine.BFloat16 {
			work = c.BFloat16
		}
		if slices.Contains(work, j.Work) {
			out = append(out, c)
		}
	}
	if len(out) > 1 && out[1].Float32 {
		out[0], out[1] = out[1], out[0]
	}
	return out
}

// own returns the contestant to which a job's ratios are: oscar, or oscar in float32 if it does
// the work in nothing else.
func own(j job) string {
	if slices.ContainsFunc(of(j), func(c contestant) bool { return c.Name == oscar }) {
		return oscar
	}
	return inFloat32
}

// precision returns the precision in which a contestant does a job.
func (c contestant) precision(j job) machine.Precision {
	if c.Float32 {
		return machine.Float32
	}
	return j.Precision
}

// reference returns the contestant whose numbers a job's others are compared with: oscar in
// float32.
func reference(j job) contestant {
	if j.Precision == machine.BFloat16 {
		return contestant{Name: inFloat32}
	}
	return contestant{Name: oscar}
}

// packages sets up the Python packages of that name, once per run, and returns their
// PYTHONPATH.
func (h *harness) packages(name string) (string, error) {
	if p, ok := h.installed[name]; ok {
		return p.path, p.err
	}
	setup := exec.Command("scripts/setup-python", name)
	setup.Stderr = os.Stderr
	out, err := setup.Output()
	if err != nil {
		err = fmt.Errorf("not installed: scripts/setup-python %s failed", name)
	}
	p := installed{strings.TrimSpace(string(out)), err}
	h.installed[name] = p
	return p.path, p.err
}

type installed struct {
	path string
	err  error
}

// command returns the process for a job. Its arguments are the job, the folder of
// the material, and its own folder for output.
func (h *harness) command(c contestant, j job, out string) (*exec.Cmd, error) {
	args := []string{cmp.Or(c.Does, j.Work), h.dir, out}
	env := append(os.Environ(), fmt.Sprint("OSCAR_BENCH_THREADS=", runtime.NumCPU()), "TF_CPP_MIN_LOG_LEVEL=2",
		fmt.Sprint("OSCAR_BENCH_PRECISION=", c.precision(j)), fmt.Sprint("OSCAR_BENCH_SAMPLES=", h.size.samples), "OSCAR_BENCH_REFERENCE="+h.own(j, reference(j)),
		"TORCHINDUCTOR_CACHE_DIR="+h.path("inductor"))
	switch {
	case c.Packages != "":
		path, err := h.packages(c.Packages)
		if err != nil {
			return nil, err
		}
		python := os.Getenv("OSCAR_PYTHON")
		if python == "" {
			python = "python3"
		}
		script := append([]string{filepath.Join("bench", c.Script[0])}, c.Script[1:]...)
		cmd := exec.Command(python, append(script, args...)...)
		cmd.Env = append(env, "PYTHONPATH="+path, "PYTHONNOUSERSITE=1", "PYTHONDONTWRITEBYTECODE=1", "CUDA_VISIBLE_DEVICES=-1")
		return cmd, nil
	case j.Cold: // as a user would start it
		cmd := exec.Command("bin/oscar", "explain", h.model(), h.coldImage(), "--out", filepath.Join(out, "explained"))
		cmd.Env = env
		return cmd, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, append([]string{"worker"}, args...)...)
	cmd.Env = env
	return cmd, nil
}
