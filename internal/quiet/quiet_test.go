package quiet_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"oscar/internal/graph"
	"oscar/internal/quiet"
)

// What a descriptor does can only be seen from outside: the tests start this
// program once more, as one of these helpers.
var helpers = map[string]func(){
	"lines": func() {
		toDescriptor2("before Start\n")
		start()
		toDescriptor2(chatter + strings.Join(lines, "\n") + "\n")
		fmt.Fprintln(os.Stderr, "oscar: mine")
	},
	"long line": func() {
		start()
		toDescriptor2(longLine + "\n")
	},
	"collector": func() {
		start()
		for range 5 { // a file that nobody holds is closed by its finaliser
			runtime.GC()
			time.Sleep(10 * time.Millisecond)
		}
		if _, err := os.Open(os.DevNull); err != nil { // would get a free descriptor 2
			panic(err)
		}
		toDescriptor2("still here\n")
	},
	"tensorflow": func() {
		start()
		g := graph.New()
		x := g.Relu(g.Scalar(-1))
		s, err := g.NewSession(graph.Config{})
		if err == nil {
			_, err = s.Run(context.Background(), nil, []graph.Tensor{x})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	},
	"checkpoint": func() {
		start()
		dir, err := os.MkdirTemp("", "quiet")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		g := graph.New()
		prefix := g.Const(graph.FromString(filepath.Join(dir, "variables")))
		save := g.SaveV2(prefix, []string{"x"}, []graph.Tensor{g.Scalar(1)})
		s, err := g.NewSession(graph.Config{})
		if err == nil {
			_, err = s.Run(context.Background(), nil, nil, save)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	},
	"abort": func() { // as the library does when a check of its own fails
		start()
		crowd()
		toDescriptor2(lines[1] + "\n")
		syscall.Kill(os.Getpid(), syscall.SIGABRT)
		select {}
	},
	"panic": func() {
		start()
		crowd()
		panic("went wrong")
	},
	"fatal error": func() {
		start()
		crowd()
		new(sync.Mutex).Unlock()
	},
}

// crowd makes a crash's trace longer than a pipe holds.
func crowd() {
	for range 1000 {
		go func() { select {} }()
	}
	time.Sleep(10 * time.Millisecond)
}

// What the library writes, as it came from version 2.18.1.
const chatter = `WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795460255.084571   10799 mlir_graph_optimization_pass.cc:401] MLIR V1 optimization pass is not enabled
W0000 00:00:1795460255.084571   10799 gpu_device.cc:2344] Cannot dlopen some GPU libraries.
2026-11-23 18:55:01.123456: I tensorflow/core/util/port.cc:153] oneDNN custom operations are on.
2026-11-23 18:55:01.123456: W tensorflow/core/framework/local_rendezvous.cc:404] Local rendezvous is aborting
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow.
`

// What must pass.
var lines = []string{
	"E0000 00:00:1795460255.084571   10799 cuda_executor.cc:1015] an error",
	"F0000 00:00:1795460255.084571   10799 tensor.cc:844] Check failed: dtype() == expected_dtype (1 vs. 3)",
	"2026-11-23 18:55:01.123456: E tensorflow/core/framework/node.cc:1] an error",
	"2026-11-23 18:55:01.123456: F tensorflow/core/framework/tensor.cc:844] Check failed",
	"malloc(): corrupted top size",
	"Interesting: a line that begins with I",
	"",
	"WARNING: a message of another library",
}

var longLine = strings.Repeat("longer than any buffer, ", 6000)

func start() {
	if err := quiet.Start(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func toDescriptor2(text string) {
	if _, err := syscall.Write(2, []byte(text)); err != nil {
		fmt.Println("descriptor 2:", err)
		os.Exit(1)
	}
}

const (
	helperVariable = "QUIET_TEST_HELPER"
	end            = "end of the helper"
)

func TestMain(m *testing.M) {
	helper := helpers[os.Getenv(helperVariable)]
	if helper == nil {
		os.Exit(m.Run())
	}
	helper()
	toDescriptor2(end + "\n")
	io.Copy(io.Discard, os.Stdin) // until the test has read that
}

// run starts a helper and returns the lines of its standard error, and how it
// ended.
func run(t *testing.T, helper string, args ...string) ([]string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TF_CPP_") }),
		helperVariable+"="+helper, "GOTRACEBACK=all")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var got []string
	scan := bufio.NewScanner(stderr)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		if scan.Text() == end {
			stdin.Close()
			continue
		}
		got = append(got, scan.Text())
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		t.Fatalf("helper %s hung; its standard error began %q", helper, got[:min(len(got), 10)])
	}
	if stdout.Len() > 0 {
		t.Errorf("helper %s: %s", helper, &stdout)
	}
	return got, err
}

func TestChatterIsFilteredAndAllElsePasses(t *testing.T) {
	got, err := run(t, "lines")
	if err != nil {
		t.Error(err)
	}
	// os.Stderr goes past the filter, so it may come first.
	got = slices.DeleteFunc(got, func(l string) bool { return l == "oscar: mine" })
	if !slices.Equal(got, lines) {
		t.Errorf("passed:\n%.2000s\nwant:\n%.2000s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

func TestLongLinePasses(t *testing.T) {
	if got, err := run(t, "long line"); err != nil || len(got) != 1 || got[0] != longLine {
		t.Errorf("of one line of %d bytes %d lines passed, %d bytes, %v", len(longLine), len(got), len(strings.Join(got, "")), err)
	}
}

func TestOwnErrorsPass(t *testing.T) {
	got, _ := run(t, "lines")
	if !slices.Contains(got, "oscar: mine") {
		t.Errorf("os.Stderr is lost: %q", got)
	}
}

func TestVerbosePassesAll(t *testing.T) {
	want := "before Start\n" + chatter + strings.Join(lines, "\n") + "\noscar: mine"
	for _, flag := range []string{"--verbose", "--verbose=true"} {
		got, err := run(t, "lines", "train", flag)
		// Before main the library has its say, too.
		if err != nil || !strings.HasSuffix(strings.Join(got, "\n"), want) {
			t.Errorf("%s: passed %.2000q, %v\nwant %.2000q", flag, strings.Join(got, "\n"), err, want)
		}
	}
}

// A regression: the file of the old os.Stderr was collected, its finaliser
// closed descriptor 2, and the next file that was opened got the chatter.
func TestDescriptor2OutlivesTheCollector(t *testing.T) {
	if got, err := run(t, "collector"); err != nil || !slices.Equal(got, []string{"still here"}) {
		t.Errorf("passed %q, %v", got, err)
	}
}

func TestTensorFlowIsQuiet(t *testing.T) {
	if got, err := run(t, "tensorflow"); err != nil || len(got) > 0 {
		t.Errorf("passed %q, %v", got, err)
	}
	if got, err := run(t, "tensorflow", "--verbose"); err != nil || len(got) == 0 {
		t.Errorf("with --verbose it says nothing, so this test shows nothing: %v", err)
	}
}

// A regression: the filter read a stream of C and so held its lock, and
// TensorFlow, which flushes all streams when it writes a checkpoint, waited for
// it forever.
func TestCheckpointsAreWritten(t *testing.T) {
	if got, err := run(t, "checkpoint"); err != nil || len(got) > 0 {
		t.Errorf("passed %q, %v", got, err)
	}
}

// A crash is Go's to tell, and told once and in full; what the library said
// before it went down comes through as well.
func TestCrashIsSeenInFull(t *testing.T) {
	for helper, want := range map[string][]string{
		"panic":       {"panic: went wrong"},
		"fatal error": {"fatal error: sync: unlock of unlocked mutex"},
		"abort":       {lines[1], "SIGABRT: abort"},
	} {
		got, err := run(t, helper)
		text := strings.Join(got, "\n")
		if err == nil || strings.Count(text, "\ngoroutine ") < 1000 {
			t.Errorf("%s: ended with %v, and wrote %d lines: %.500q", helper, err, len(got), text)
		}
		for _, line := range want {
			if n := strings.Count(text, line); n != 1 {
				t.Errorf("%s: %q is written %d times, want once: %.500q", helper, line, n, text)
			}
		}
	}
}
