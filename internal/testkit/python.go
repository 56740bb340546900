package testkit

import (
	"cmp"
	"context"
	"os"
	"os/exec"

	"golang.org/x/sys/cpu"
)

// Python returns a call of the Python that OSCAR_PYTHON names, or python3. It uses the packages of a
// folder, not the user's, and computes on the CPU. Without AVX-512 it does not use oneDNN, whose
// gradients of some convolutions are wrong there (TestGradOfConvolutionKernels in package graph).
func Python(ctx context.Context, packages string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, cmp.Or(os.Getenv("OSCAR_PYTHON"), "python3"), args...)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+packages, "PYTHONNOUSERSITE=1", "PYTHONDONTWRITEBYTECODE=1", "CUDA_VISIBLE_DEVICES=-1", "TF_CPP_MIN_LOG_LEVEL=2")
	if !cpu.X86.HasAVX512F {
		cmd.Env = append(cmd.Env, "TF_ENABLE_ONEDNN_OPTS=0")
	}
	return cmd
}
