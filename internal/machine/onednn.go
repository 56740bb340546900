package machine

import (
	"os"
	"syscall"

	"golang.org/x/sys/cpu"
)

// oneDNN is TensorFlow's variable for oneDNN's kernels. TensorFlow reads it while its library
// is loaded, before Go code runs.
const oneDNN = "TF_ENABLE_ONEDNN_OPTS"

// oneDNNByDefault reports whether TensorFlow uses oneDNN's kernels on this processor if its
// variable is not set (tensorflow/core/util/port.cc).
func oneDNNByDefault() bool {
	x := &cpu.X86
	return x.HasAVX512VNNI || x.HasAVX512BF16 || x.HasAVXVNNI || x.HasAMXTile || x.HasAMXInt8 || x.HasAMXBF16
}

// PreferOneDNN makes TensorFlow use oneDNN's kernels on processors with AVX2, where they are
// faster, too, but not TensorFlow's default. It replaces the process by the same program with
// TF_ENABLE_ONEDNN_OPTS=1, so it must be called first in main, after prepare, which may be nil.
// It does nothing if the variable is set, or if the default is right.
func PreferOneDNN(prepare func()) {
	if _, set := os.LookupEnv(oneDNN); set || oneDNNByDefault() || !cpu.X86.HasAVX2 {
		return
	}
	program, err := os.Executable()
	if err != nil {
		return // the default kernels compute the same, more slowly
	}
	if prepare != nil {
		prepare()
	}
	syscall.Exec(program, os.Args, append(os.Environ(), oneDNN+"=1"))
}
