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
)

// contestant is a program that does some of the jobs.
type contestant struct {
	Name     string
	Packages string   // packages of scripts/setup-python; "" is oscar itself
	Script   []string // script below bench, with arguments that distinguish contestants of one script
	Jobs     []string
	Does     string // a job of oscar that is compared with the others' jobs
}

const oscar = "oscar"

// oscar itself, doing another job, is also a contestant.
const (
	classifying = "oscar, prediction alone"
	remembered  = "oscar, Grad-CAM in memory"
)

var contestants = []contestant{
	{Name: oscar, Jobs: []string{matmul, copying, train, classify, gradcamJob, folder, "ig", "lime", cold}},
	{Name: classifying, Jobs: []string{gradcamJob}, Does: classify},
	{Name: remembered, Jobs: []string{folder}, Does: gradcamJob},
	{Name: "Keras", Packages: "bench", Script: []string{"with_keras.py", "plain"}, Jobs: []string{matmul, train, classify, gradcamJob, folder, cold}},
	{Name: "Keras, tf.function", Packages: "bench", Script: []string{"with_keras.py", "function"}, Jobs: []string{classify, gradcamJob, folder, "ig", cold}},
	{Name: "PyTorch", Packages: "torch", Script: []string{"with_torch.py"}, Jobs: []string{matmul, copying, train, classify}},
	{Name: "pytorch-grad-cam", Packages: "torch", Script: []string{"with_grad_cam.py", "plain"}, Jobs: []string{gradcamJob, folder, cold}},
	{Name: "pytorch-grad-cam, frozen weights", Packages: "torch", Script: []string{"with_grad_cam.py", "frozen"}, Jobs: []string{gradcamJob, folder}},
	{Name: "Captum", Packages: "torch", Script: []string{"with_captum.py"}, Jobs: []string{gradcamJob, folder, "ig", cold}},
	{Name: "Xplique", Packages: "bench", Script: []string{"with_xplique.py"}, Jobs: []string{gradcamJob, "ig"}},
	{Name: "lime, PyTorch", Packages: "torch", Script: []string{"with_lime.py", "torch"}, Jobs: []string{"lime"}},
	{Name: "lime, Keras", Packages: "bench", Script: []string{"with_lime.py", "keras"}, Jobs: []string{"lime"}},
	{Name: "NumPy", Packages: "torch", Script: []string{"with_numpy.py"}, Jobs: []string{matmul, copying}},
}

// of lists the contestants of a job.
func of(job string) []contestant {
	var out []contestant
	for _, c := range contestants {
		if slices.Contains(c.Jobs, job) {
			out = append(out, c)
		}
	}
	return out
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
	args := []string{cmp.Or(c.Does, j.Name), h.dir, out}
	env := append(os.Environ(), fmt.Sprint("OSCAR_BENCH_THREADS=", runtime.NumCPU()), "TF_CPP_MIN_LOG_LEVEL=2")
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
