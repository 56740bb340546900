package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/result"
)

// updateReliability writes docs/reliability.md's table of this campaign.
var updateReliability = flag.Bool("update-reliability", false, "write the table of docs/reliability.md")

// faultTries is the number of steps at which each fault is tried for each verb.
var faultTries = flag.Int("fault-tries", 1, "steps at which a fault is tried; 0: every step")

// faulty is oscar with a fault: OSCAR_FAULT is "count FILE", which writes the number
// of steps to a file, or "kill N" or "full N": at step N the process is killed, or
// from there on the disk is full.
func faulty() {
	kind, argument, _ := strings.Cut(os.Getenv("OSCAR_FAULT"), " ")
	at, _ := strconv.Atoi(argument)
	steps := 0
	atomicfile.Fault = func(step, path string) error {
		steps++
		switch {
		case kind == "count":
			return os.WriteFile(argument, []byte(strconv.Itoa(steps)), 0o666)
		case kind == "kill" && steps == at:
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		case kind == "full" && steps >= at && (step == "create" || step == "fill" || step == "sync"):
			return &fs.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
		}
		return nil
	}
	main()
}

// A victim is a command that writes out, in a folder of its own.
type victim struct {
	verb  string
	again string // the command after a fault; "": the same
	args  string
}

var victims = []victim{
	{"train", "train --resume out --threads 1 --maps=false", "train $DATA --out out --arch tiny --epochs 2 --learning-rate 1e-3 --threads 1 --maps=false"},
	{"explain", "", "explain $RUN $DATA/can --out out --threads 1 --method gradcam,saliency"},
	{"explain-global", "", "explain-global $RUN $DATA --out out --threads 1 --what averages"},
	{"score", "", "score $RUN $DATA --split all --out out --threads 1 --method saliency --per-class 1 --mosaics 0 --metric gini"},
	{"export", "", "export $RUN --out out --explain gradcam"},
	{"compare", "", "compare $RUN $RUN --out out --threads 1"},
	{"audit", "", "audit $RUN --out out --threads 1"},
	{"report", "", "report $RUN --out out.html"},
	{"predict", "", "predict $RUN $DATA/can --out out.csv --threads 1"},
}

// torture runs a verb's command in new folders.
type torture struct {
	t         *testing.T
	data, run string
	victim
}

// call runs a command in dir, and returns its exit status, -1 if it was killed, and
// the last line that it said.
func (x torture) call(dir, fault, args string) (int, string) {
	x.t.Helper()
	words := strings.Fields(args)
	for i, w := range words {
		words[i] = strings.NewReplacer("$DATA", x.data, "$RUN", x.run).Replace(w)
	}
	cmd := exec.CommandContext(x.t.Context(), "oscar-faulty", words...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "OSCAR_FAULT="+fault)
	var said strings.Builder
	cmd.Stderr = &said
	err := cmd.Run()
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	last := lines[len(lines)-1]
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), last
	} else if err != nil {
		x.t.Fatal(err)
	}
	return 0, last
}

// tree hashes the files below dir. The lock file does not count.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == atomicfile.LockFile {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[name] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// outcome is what came of one fault.
type outcome struct {
	tried, whole int
	lost         []string // what was not as in an undisturbed run, in words
}

// campaign tries a kind of fault at some steps.
func (x torture) campaign(kind string, steps []int, last int, want map[string]string, stable []string) (out outcome) {
	for _, n := range steps {
		dir := x.t.TempDir()
		status, said := x.call(dir, fmt.Sprint(kind, " ", n), x.args)
		out.tried++
		var wrong []string
		if kind == "kill" && status != -1 {
			wrong = append(wrong, fmt.Sprintf("not killed: status %d, %s", status, said))
		}
		if kind == "full" {
			if status == 0 && !slices.Equal(keys(tree(x.t, dir)), keys(want)) {
				wrong = append(wrong, "status 0 though files are missing")
			} else if status != 0 && (status != exitFailed || !strings.Contains(said, "no space left on device")) {
				wrong = append(wrong, fmt.Sprintf("status %d, %s", status, said))
			}
		}
		again := x.args
		if x.again != "" && paths.Exists(filepath.Join(dir, "out", "experiment.json")) {
			again = x.again
		}
		if status != 0 { // else nothing was written any more when the disk was full
			if status, said := x.call(dir, "none", again); status != 0 && !(n == last && strings.HasSuffix(said, "is not empty; name a new folder")) {
				wrong = append(wrong, fmt.Sprintf("the command after it: status %d, %s", status, said))
			}
		}
		got := tree(x.t, dir)
		for _, name := range stable {
			if x.again != "" && (name == filepath.Join("out", result.CommandFile) || name == filepath.Join("out", checksum.File)) {
				continue // they name the second command too
			}
			if got[name] != want[name] {
				wrong = append(wrong, name+" differs from an undisturbed run's")
			}
		}
		if !slices.Equal(keys(got), keys(want)) {
			wrong = append(wrong, fmt.Sprintf("files %v, want %v", keys(got), keys(want)))
		}
		if wrong == nil {
			out.whole++
		} else {
			out.lost = append(out.lost, fmt.Sprintf("%s, %s at step %d: %s", x.verb, kind, n, strings.Join(wrong, "; ")))
		}
	}
	return out
}

// keys are the names of files, without the numbers that a process or a clock gives.
func keys(files map[string]string) (out []string) {
	for name := range files {
		if dir, _ := filepath.Split(name); strings.Contains(dir, "events") {
			name = dir + "events"
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// After a kill, or a full disk, at any step of a write, the same command makes what
// an undisturbed one makes: every file that does not hold a time is the same.
func TestFaults(t *testing.T) {
	dir := shared(t)
	random := rand.New(rand.NewPCG(14, 5))
	var table []string
	for _, v := range victims {
		x := torture{t: t, data: filepath.Join(dir, "shapes", "images"), run: filepath.Join(dir, "run"), victim: v}
		counts := filepath.Join(t.TempDir(), "steps")
		first, second := t.TempDir(), t.TempDir()
		for _, d := range []string{first, second} {
			if status, said := x.call(d, "count "+counts, v.args); status != 0 {
				t.Fatalf("%s: status %d, %s", v.verb, status, said)
			}
		}
		want, twin := tree(t, first), tree(t, second)
		var stable []string
		for name, sum := range want {
			if twin[name] == sum {
				stable = append(stable, name)
			}
		}
		text, err := os.ReadFile(counts)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(string(text))
		if err != nil || n < 2 || len(stable) == 0 {
			t.Fatalf("%s: %d steps, %v, files that are the same %v", v.verb, n, err, stable)
		}
		for _, kind := range []string{"kill", "full"} {
			steps := make([]int, n)
			for i := range steps {
				steps[i] = i + 1
			}
			if *faultTries > 0 {
				random.Shuffle(n, func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
				steps = steps[:min(n, *faultTries)]
			}
			out := x.campaign(kind, steps, n, want, stable)
			for _, lost := range out.lost {
				t.Error(lost)
			}
			table = append(table, fmt.Sprintf("| `%s` | %s | %d | %d | %d | %d |", v.verb, map[string]string{"kill": "SIGKILL", "full": "full disk"}[kind], n, out.tried, out.whole, len(out.lost)))
		}
	}
	if *updateReliability {
		t.Log("\n" + strings.Join(table, "\n"))
		writeReliability(t, table)
	}
}

const reliabilityPage = "../../docs/reliability.md"

// writeReliability puts the table between its marks.
func writeReliability(t *testing.T, table []string) {
	t.Helper()
	b, err := os.ReadFile(reliabilityPage)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- faults -->\n", "<!-- end of faults -->"
	before, rest, ok := strings.Cut(string(b), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", reliabilityPage)
	}
	head := "| verb | fault | steps | tried | as undisturbed | not |\n|---|---|---|---|---|---|\n"
	if err := atomicfile.Write(reliabilityPage, []byte(before+begin+head+strings.Join(table, "\n")+"\n"+end+after)); err != nil {
		t.Fatal(err)
	}
}
