package machine

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/cpu"
)

// restarted, in the environment, makes the test binary a program that prefers oneDNN on a
// processor with the instructions that it names, and prints its process and the variable.
const restarted = "OSCAR_TEST_RESTARTED"

func TestMain(m *testing.M) {
	instructions, is := os.LookupEnv(restarted)
	if !is {
		os.Exit(m.Run())
	}
	cpu.X86.HasAVX512VNNI, cpu.X86.HasAVX512BF16, cpu.X86.HasAVXVNNI = strings.Contains(instructions, "vnni"), false, false
	cpu.X86.HasAMXTile, cpu.X86.HasAMXInt8, cpu.X86.HasAMXBF16 = false, false, false
	cpu.X86.HasAVX2 = strings.Contains(instructions, "avx2")
	PreferOneDNN(func() { fmt.Println("prepared") })
	value, set := os.LookupEnv(oneDNN)
	fmt.Println(os.Getpid(), os.Args[1:], value, set)
}

func TestPreferOneDNN(t *testing.T) {
	for _, test := range []struct {
		instructions string
		variable     []string
		want         string // after the arguments
		prepared     bool
	}{
		{"avx2", nil, "1 true", true},
		{"avx2 vnni", nil, " false", false},
		{"", nil, " false", false},
		{"avx2", []string{oneDNN + "=0"}, "0 true", false},
		{"avx2", []string{oneDNN + "=1"}, "1 true", false},
		{"avx2", []string{oneDNN + "="}, " true", false},
	} {
		command := exec.Command(os.Args[0], "an argument")
		for _, v := range os.Environ() {
			if !strings.HasPrefix(v, oneDNN+"=") {
				command.Env = append(command.Env, v)
			}
		}
		command.Env = append(append(command.Env, test.variable...), restarted+"="+test.instructions)
		output, err := command.Output()
		want := fmt.Sprintf("%d [an argument] %s\n", command.ProcessState.Pid(), test.want)
		if test.prepared {
			want = "prepared\n" + want
		}
		if err != nil || string(output) != want {
			t.Errorf("%q, %q: %q, %v; want %q", test.instructions, test.variable, output, err, want)
		}
	}
}
