package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/testkit"
	"oscar/result"
)

var (
	// updateReliability writes the tables of docs/reliability.md.
	updateReliability = flag.Bool("update-reliability", false, "write the rows of docs/reliability.md")
	// addReliability adds to the numbers of a row in place of writing them anew: campaigns
	// can be done in parts, each with another seed.
	addReliability = flag.Bool("add-reliability", false, "with -update-reliability: add to the rows' numbers")
	campaignSeed   = flag.Uint64("campaign-seed", 14, "seed of the campaigns' random choices")
	// faultTries is the number of places at which each fault is tried for each verb.
	faultTries = flag.Int("fault-tries", 1, "places at which a fault is tried; 0: all")
)

// Kinds of faults.
const (
	faultKill  = "SIGKILL"    // at a step of a write
	faultFull  = "full disk"  // from a step on
	faultLimit = "file limit" // no file may have more bytes, as by ulimit -f
)

// faulty is oscar with a fault: OSCAR_FAULT is "count FILE", which writes the number
// of steps to a file, or a kind of fault and where: a step, or a number of bytes.
func faulty() {
	words := strings.Fields(os.Getenv("OSCAR_FAULT"))
	if len(words) == 0 {
		main()
	}
	os.Unsetenv("OSCAR_FAULT") // child processes have no fault
	argument := words[len(words)-1]
	kind := strings.Join(words[:len(words)-1], " ")
	at, _ := strconv.Atoi(argument)
	if kind == faultLimit {
		limit := syscall.Rlimit{Cur: uint64(at), Max: uint64(at)}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			panic(err)
		}
	}
	var mutex sync.Mutex
	steps := 0
	atomicfile.Fault = func(step, path string) error {
		mutex.Lock()
		defer mutex.Unlock()
		steps++
		switch {
		case kind == "count":
			return os.WriteFile(argument, []byte(strconv.Itoa(steps)), 0o666)
		case kind == faultKill && steps == at:
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		case kind == faultFull && steps >= at && (step == "create" || step == "fill" || step == "sync"):
			return &fs.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
		}
		return nil
	}
	main()
}

// minute is a time in a report.
var minute = regexp.MustCompile(`\d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC`)

// tree hashes the files below dir. The lock file does not count.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == atomicfile.LockFile {
			return err
		}
		b, err := os.ReadFile(path)
		if filepath.Ext(path) == ".html" {
			b = minute.ReplaceAll(b, nil) // two calls may begin in the same, or not
		}
		name, _ := filepath.Rel(dir, path)
		out[name] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// succeed is call of what must end well.
func (x torture) succeed(dir, fault, args string) {
	x.t.Helper()
	if status, said := x.call(dir, fault, args); status != 0 {
		x.t.Fatalf("oscar %s: status %d, %s", args, status, said)
	}
}

// undisturbed calls the verb twice. It returns the number of steps of its writes, its
// files, and the names of those that are the same both times.
func (x torture) undisturbed() (steps int, want map[string]string, stable []string) {
	x.t.Helper()
	counts := filepath.Join(x.t.TempDir(), "steps")
	var trees [2]map[string]string
	for i := range trees {
		dir := x.fresh()
		x.succeed(dir, "count "+counts, x.args)
		if status, said := x.follow(dir); status != 0 {
			x.t.Fatalf("oscar %s: status %d, %s", x.after, status, said)
		}
		trees[i] = tree(x.t, dir)
		// Times are in seconds: the second call must not begin in that of the first.
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	}
	for name, sum := range trees[0] {
		if trees[1][name] == sum {
			stable = append(stable, name)
		}
	}
	text, err := os.ReadFile(counts)
	if err != nil {
		x.t.Fatal(err)
	}
	if steps, err = strconv.Atoi(string(text)); err != nil || steps < 2 || len(stable) == 0 {
		x.t.Fatalf("%d steps, %v, files that are the same: %v", steps, err, stable)
	}
	return steps, trees[0], stable
}

// places lists where a fault can be: the steps, or one byte less than each file has.
func (x torture) places(kind string, steps int) (at []int) {
	if kind != faultLimit {
		for n := range steps {
			at = append(at, n+1)
		}
		return at
	}
	dir := x.fresh()
	x.succeed(dir, "", x.args)
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			at = append(at, int(info.Size())-1)
		}
		return err
	})
	if err != nil {
		x.t.Fatal(err)
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// try has the fault at one place, then repeats the command, and returns what is not
// as after an undisturbed call.
func (x torture) try(kind string, at, steps int, want map[string]string, stable []string) (wrong []string) {
	dir := x.fresh()
	defer os.RemoveAll(dir) // a demo has a gigabyte
	status, said := x.call(dir, fmt.Sprint(kind, " ", at), x.args)
	complete := x.after != "" || slices.Equal(keys(tree(x.t, dir)), keys(want))
	switch {
	case kind == faultKill && status != -1:
		wrong = append(wrong, fmt.Sprintf("not killed: status %d, %s", status, said))
	case kind != faultKill && status == 0 && !complete:
		wrong = append(wrong, "status 0 though files are missing")
	case kind == faultFull && status != 0 && (status != exitFailed || !strings.Contains(said, "no space left on device")),
		kind == faultLimit && status != 0 && (status != exitFailed || !strings.Contains(strings.ToLower(said), "file too large")):
		wrong = append(wrong, fmt.Sprintf("status %d, %s", status, said))
	}
	again := x.args
	if x.begun(dir) {
		again = x.again
	}
	if status != 0 { // else nothing was written any more when the disk was full
		if status, said := x.call(dir, "", again); status != 0 && !(at == steps && whole(said)) {
			wrong = append(wrong, fmt.Sprintf("the command after it: status %d, %s", status, said))
		}
	}
	if status, said := x.follow(dir); status != 0 {
		wrong = append(wrong, fmt.Sprintf("oscar %s: status %d, %s", x.after, status, said))
	}
	got := tree(x.t, dir)
	if differs := x.differing(got, want, stable); differs != "" {
		wrong = append(wrong, differs)
	}
	if !slices.Equal(keys(got), keys(want)) {
		wrong = append(wrong, fmt.Sprintf("files %v, want %v", keys(got), keys(want)))
	}
	return wrong
}

// differing names the files that are not as after an undisturbed call.
func (x torture) differing(got, want map[string]string, stable []string) string {
	var names []string
	for _, name := range stable {
		if x.again != "" && slices.Contains([]string{result.CommandFile, checksum.File, "report.html"}, strings.TrimPrefix(name, "out/")) {
			continue // they name the second command
		}
		if got[name] != want[name] {
			names = append(names, name)
		}
	}
	if names == nil {
		return ""
	}
	return "other than an undisturbed run's: " + strings.Join(names, ", ")
}

// whole reports whether a refusal says that the results are there.
func whole(said string) bool {
	return strings.HasSuffix(said, "is not empty; name a new folder") || strings.HasSuffix(said, "is there already; name a new file")
}

// partOfPaths is the name of a part, or of its list: a number and a hash of the images' paths.
var partOfPaths = regexp.MustCompile(`(/(?:parts|sums)/\d{6})-[0-9a-f]{12}\.`)

// keys are the names of files, without the numbers that a process or a clock gives, and of parts
// without the hash, which depends on the folder if the images are in it. Two parts of the same
// number remain two.
func keys(files map[string]string) (out []string) {
	events := map[string]bool{}
	for name := range files {
		if dir, _ := filepath.Split(name); strings.Contains(dir, "events") {
			if events[dir] {
				continue
			}
			events[dir] = true
			name = dir + "events"
		}
		out = append(out, partOfPaths.ReplaceAllString(name, "$1."))
	}
	slices.Sort(out)
	return out
}

// After a kill, a full disk or a file limit at any place of a write, the same command
// makes what an undisturbed one makes: every file that does not hold a time is the same.
func TestFaults(t *testing.T) {
	for number, v := range victims {
		if v.long && *faultTries == 1 {
			continue
		}
		t.Run(v.verb, func(t *testing.T) {
			x := newTorture(t, v)
			steps, want, stable := x.undisturbed()
			for i, kind := range []string{faultKill, faultFull, faultLimit} {
				if *faultTries == 1 && i != number%3 {
					continue // make test has little time
				}
				t.Run(kind, func(t *testing.T) {
					x.t = t
					places := x.places(kind, steps)
					all := len(places)
					if *faultTries > 0 {
						random := rand.New(rand.NewPCG(*campaignSeed, uint64(i)))
						random.Shuffle(all, func(i, j int) { places[i], places[j] = places[j], places[i] })
						places = places[:min(all, *faultTries)]
					}
					lost := 0
					for _, at := range places {
						if wrong := x.try(kind, at, steps, want, stable); wrong != nil {
							t.Errorf("%s at %d: %s", kind, at, strings.Join(wrong, "; "))
							lost++
						}
					}
					if *updateReliability {
						updateRow(t, "faults", 2, []string{
							"`" + v.verb + "`", kind, strconv.Itoa(all), strconv.Itoa(len(places)), strconv.Itoa(len(places) - lost), strconv.Itoa(lost),
						})
					}
				})
			}
		})
	}
}

const reliabilityPage = "../../docs/reliability.md"

// updateRow writes a row of a table of the page. The first cells, keys of them, name it.
func updateRow(t *testing.T, section string, keys int, row []string) {
	t.Helper()
	if *addReliability {
		for _, has := range testkit.Rows(t, reliabilityPage, section) {
			if !slices.Equal(has[:keys], row[:keys]) {
				continue
			}
			for i := keys; i < len(row); i++ {
				before, err := strconv.Atoi(has[i])
				now, failed := strconv.Atoi(row[i])
				if err == nil && failed == nil && !(section == "faults" && i == keys) { // the places are the same
					row[i] = strconv.Itoa(before + now)
				}
			}
		}
	}
	testkit.UpdateRows(t, reliabilityPage, section, keys, [][]string{row})
}
