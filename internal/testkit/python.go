package testkit

import (
	"cmp"
	"context"
	"os"
	"os/exec"
)

// Python returns a call of the Python that OSCAR_PYTHON names, or python3. It uses the packages of a
// folder, not the user's, and computes on the CPU.
func Python(ctx context.Context, packages string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, cmp.Or(os.Getenv("OSCAR_PYTHON"), "python3"), args...)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+packages, "PYTHONNOUSERSITE=1", "PYTHONDONTWRITEBYTECODE=1", "CUDA_VISIBLE_DEVICES=-1", "TF_CPP_MIN_LOG_LEVEL=2")
	return cmd
}
