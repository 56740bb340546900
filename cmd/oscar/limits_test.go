package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"oscar/internal/testkit"
)

// leaves returns the commands that do something.
func leaves(cmd *cobra.Command) (out []*cobra.Command) {
	if !cmd.HasSubCommands() {
		return []*cobra.Command{cmd}
	}
	for _, sub := range cmd.Commands() {
		out = append(out, leaves(sub)...)
	}
	return out
}

// TestNumericFlags gives every numeric flag of every verb values that make no
// sense. The folders do not exist: a value that is taken ends there.
func TestNumericFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	tries := 0
	for _, cmd := range leaves(newRoot()) {
		words := strings.Fields(cmd.CommandPath())[1:]
		operands := []string{}
		for _, word := range strings.Fields(cmd.Use)[1:] {
			if word == "|" || strings.HasPrefix(word, "-") {
				break
			}
			if strings.ToUpper(word) == word || strings.Contains(word, ".yaml") {
				operands = append(operands, "nowhere")
			}
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			kind := f.Value.Type()
			if !slices.Contains([]string{"int", "int64", "uint64", "float64", "duration", "intSlice"}, kind) {
				return
			}
			for _, value := range []string{"0", "-1", "2147483648", "4611686018427387904", "9223372036854775808", "NaN", "Inf", "-Inf", "1e400"} {
				if slices.Contains([]string{"demo", "synthesize", "tf-server", "worker"}, cmd.Name()) {
					if value == "0" || kind == "uint64" || kind == "float64" {
						continue // a value that is taken would have the work done
					}
				}
				args := slices.Concat(words, operands, []string{"--" + f.Name + "=" + value})
				if cmd.Flags().Lookup("out") != nil {
					args = append(args, "--out=new")
				}
				var stdout, stderr strings.Builder
				done := make(chan int, 1)
				go func() {
					defer func() {
						if r := recover(); r != nil {
							done <- -1
						}
					}()
					done <- call(context.WithoutCancel(t.Context()), args, &stdout, &stderr)
				}()
				tries++
				select {
				case status := <-done:
					if status != exitFailed && status != exitUsage {
						t.Errorf("oscar %s: status %d, said %s", strings.Join(args, " "), status, &stderr)
					}
					large := value == "2147483648" || value == "4611686018427387904"
					if large && (kind == "int" || kind == "int64") && f.Name != "max-pixels" && f.Name != "max-bytes" && status != exitUsage {
						t.Errorf("oscar %s is taken: %s", strings.Join(args, " "), &stderr)
					}
				case <-time.After(time.Minute):
					t.Fatalf("oscar %s does not end", strings.Join(args, " "))
				}
			}
		})
	}
	if tries < 300 {
		t.Errorf("%d tries only", tries)
	}
}

// TestOutputToAFullDisk prints to a device that is always full: the help of each
// verb, and what each that is quick prints.
func TestOutputToAFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	run := filepath.Join(shared(t), "run")
	t.Chdir(t.TempDir())
	calls := [][]string{
		{"version"}, {"--version"}, {"explain", "--list-methods"}, {"inspect", run}, {"inspect", run, "--json"},
		{"evaluate", run, "--threads", "1"}, {"evaluate", run, "--json", "--threads", "1"},
		{"synthesize", "shapes", "--per-class", "1", "--width", "32", "--height", "32"},
		{"study", "init", "--out", "study.yaml"}, {"export", run, "--out", "model"}, {"report", run, "--out", "page.html"},
	}
	for _, cmd := range leaves(newRoot()) {
		calls = append(calls, append(strings.Fields(cmd.CommandPath())[1:], "--help"))
	}
	for _, args := range calls {
		var stderr strings.Builder
		status := call(context.WithoutCancel(t.Context()), args, full, &stderr)
		if want := "oscar: cannot write to standard output: no space left on device\n"; status != exitFailed || !strings.HasSuffix(stderr.String(), want) {
			t.Errorf("oscar %s: status %d, said %q", strings.Join(args, " "), status, stderr.String())
		}
	}
}

// TestHostileNamesOnTheScreen gives every verb names with a terminal escape and a
// mark that turns the direction of writing, as folder, model and value.
func TestHostileNamesOnTheScreen(t *testing.T) {
	const name = "evil\x1b]0;x\x07\u202egpj"
	t.Chdir(t.TempDir())
	for _, sub := range []string{"one", "two"} {
		dir := filepath.Join(name, sub+name)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, cmd := range leaves(newRoot()) {
		verb := strings.Fields(cmd.CommandPath())[1:]
		for _, rest := range [][]string{
			{name}, {name, name}, {name, "--out", name}, {name, name, "--out", "new"}, {name, name, name}, {"--out", name}, {"--" + name},
		} {
			if cmd.Name() == "demo" || cmd.Name() == "synthesize" && len(rest) == 1 {
				continue
			}
			args := append(slices.Clone(verb), rest...)
			var stdout, stderr strings.Builder
			call(context.WithoutCancel(t.Context()), args, &stdout, &stderr)
			if out := stdout.String() + stderr.String(); strings.ContainsAny(out, "\x1b\x07\u202e") {
				t.Errorf("oscar %q prints %q", args, out)
			}
		}
	}
}

// crash panics in a goroutine, as a fault in oscar would.
func crash() {
	crashBySignal()
	go func() { panic("a fault") }()
	select {}
}

func TestACrashIsNoUsageError(t *testing.T) {
	err := exec.CommandContext(t.Context(), "oscar-crash").Run()
	if got := fmt.Sprint(err); got != "signal: aborted" && got != "signal: aborted (core dumped)" {
		t.Errorf("ended with %s", got)
	}
}

// TestUmaskIsKept lets verbs write with files that only their owner may read.
func TestUmaskIsKept(t *testing.T) {
	run := filepath.Join(shared(t), "run")
	dir := t.TempDir()
	for _, call := range []string{
		"oscar synthesize shapes --per-class 1 --width 32 --height 32", "oscar study init --out study.yaml",
		"oscar export " + run + " --out model", "oscar explain " + run + " shapes/images --out explained --threads 1",
		"oscar report explained",
	} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", "umask 077; exec "+call)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", call, err, out)
		}
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has %s", path, info.Mode())
		}
		files++
		return err
	})
	if err != nil || files < 20 {
		t.Errorf("%d files, %v", files, err)
	}
}

// TestNothingReadable gives the verbs that read images a folder in which nothing is an
// image: each has done nothing, and says so by its status.
func TestNothingReadable(t *testing.T) {
	run := filepath.Join(shared(t), "run")
	t.Chdir(t.TempDir())
	for _, class := range []string{"box", "can"} {
		for i := range 2 {
			testkit.Write(t, fmt.Sprintf("photos/%s/%d.png", class, i), fmt.Sprint(class, " is no image ", i))
		}
	}
	for _, line := range []string{
		"explain RUN photos --out maps", "explain RUN photos/box/0.png --out one", "explain RUN photos --scale shared --out scaled",
		"predict RUN photos", "predict RUN photos --out -", "predict RUN photos --out table.csv", "predict RUN photos --out table.jsonl", "predict RUN photos/box/0.png",
		"score RUN photos --out scores", "explain-global RUN photos --out global", "evaluate RUN photos --split all",
		"audit RUN photos --out audit", "compare RUN RUN photos --out comparison", "duplicates photos", "train photos --arch tiny --out new",
	} {
		args := strings.Fields(strings.ReplaceAll(line, "RUN", run))
		var stdout, stderr strings.Builder
		if status := call(context.WithoutCancel(t.Context()), args, &stdout, &stderr); status != exitFailed || !strings.Contains(stderr.String(), "oscar: ") {
			t.Errorf("oscar %s: status %d, want %d; said %s%s", line, status, exitFailed, &stdout, &stderr)
		}
	}
	// The rows say why.
	for _, name := range []string{"maps/manifest.jsonl", "table.csv", "table.jsonl"} {
		if b, err := os.ReadFile(name); err != nil || strings.Count(string(b), "unreadable") != 4 {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
}
