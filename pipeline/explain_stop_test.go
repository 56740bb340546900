package pipeline

import (
	"context"
	"errors"
	"fmt"
	"image"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/internal/testkit"
	"oscar/result"
)

// parts tells when, and by which write, each shard was done.
func parts(t *testing.T, out string) map[string]string {
	t.Helper()
	done := map[string]string{}
	entries, err := os.ReadDir(filepath.Join(out, partsDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		done[e.Name()] = fmt.Sprint(info.ModTime(), info.Sys().(*syscall.Stat_t).Ino)
	}
	return done
}

// sameFiles fails unless two folders of explanations hold the same files, byte
// for byte.
func sameFiles(t *testing.T, got, want string) {
	t.Helper()
	a, b := tree(t, got), tree(t, want)
	delete(a, atomicfile.LockFile)
	delete(b, atomicfile.LockFile)
	for name := range b {
		if a[name] != b[name] {
			t.Errorf("%s: %d bytes that differ from the undisturbed %d", name, len(a[name]), len(b[name]))
		}
		delete(a, name)
	}
	for name := range a {
		t.Errorf("%s: the undisturbed folder has none", name)
	}
}

func TestExplainInterrupted(t *testing.T) {
	dir := photos(t, 40, "a.txt", "can/b.txt")
	whole := filepath.Join(t.TempDir(), "whole")
	explained(t, ExplainOptions{Paths: []string{dir}, Out: whole})

	out := filepath.Join(t.TempDir(), "out")
	for _, stop := range []int{1, 9, 25} { // images
		ctx, cancel := context.WithCancel(t.Context())
		before := parts(t, out)
		_, err := Explain(ctx, ExplainOptions{
			Model: trained(t).Dir, Paths: []string{dir}, Out: out, Settings: settings(), Machine: oneThread,
			Listener: Listener{OnCount: func(done, total int) {
				if done >= stop {
					cancel()
				}
			}},
		})
		cancel()
		if !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		wantError(t, err, "interrupted; the same command resumes where it stopped")
		after := parts(t, out)
		for name, when := range before {
			if after[name] != when {
				t.Errorf("shard %s was done twice", name)
			}
		}
		if len(after) == 0 || len(after) == 11 {
			t.Errorf("%d of 11 shards are done after %d images", len(after), stop)
		}
		noLeftovers(t, out)
		if paths.Exists(filepath.Join(out, result.ManifestFile)) {
			t.Error("there is a manifest before all is done")
		}
	}
	before := parts(t, out)
	s, _ := explained(t, ExplainOptions{Paths: []string{dir}, Out: out})
	if s.Earlier < 4*(len(before)-1) {
		t.Errorf("%d images were done before, in %d shards", s.Earlier, len(before))
	}
	for name, when := range before {
		if parts(t, out)[name] != when {
			t.Errorf("shard %s was done twice", name)
		}
	}
	sameFiles(t, out, whole)

	// Started once more there is nothing left to do.
	before = parts(t, out)
	s, _ = explained(t, ExplainOptions{Paths: []string{dir}, Out: out})
	if s.Earlier != 42 || !maps.Equal(before, parts(t, out)) {
		t.Errorf("%d of 42 images were done before", s.Earlier)
	}
}

// Killed at any moment and started again, explaining ends with the same files.
func TestExplainKilled(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	j := job{Model: trained(t).Dir, Paths: []string{photos(t, 90, "x.txt")}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings()}
	kills, torn := 0, 0
	for done := false; !done; {
		cmd, output := j.command(t)
		before := parts(t, j.Out)
		target := len(before) + random.IntN(8)
		if kills == 0 {
			target = -1 // at once: wherever the start is then
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for deadline := time.Now().Add(time.Minute); ; {
			select {
			case err := <-ended:
				if err != nil {
					t.Fatalf("process %d: %v\n%s", kills+1, err, output)
				}
				done = true
			default:
			}
			if done || target < 0 && paths.Exists(j.Out) || target >= 0 && len(parts(t, j.Out)) > target {
				break
			}
			if time.Now().After(deadline) {
				cmd.Process.Kill()
				<-ended // its output is complete
				t.Fatalf("process %d does not get on\n%s", kills+1, output)
			}
			time.Sleep(200 * time.Microsecond)
		}
		if !done {
			time.Sleep(time.Duration(random.IntN(5000)) * time.Microsecond)
			cmd.Process.Kill()
			<-ended
			kills++
			if len(leftovers(j.Out)) > 0 {
				torn++
			}
		}
		after := parts(t, j.Out)
		for name, when := range before {
			if after[name] != when {
				t.Errorf("shard %s was done twice", name)
			}
		}
	}
	t.Logf("%d kills, %d of them while a file was written", kills, torn)
	if kills < 3 {
		t.Errorf("%d kills: the test does not test", kills)
	}
	whole := filepath.Join(t.TempDir(), "whole")
	explained(t, ExplainOptions{Paths: j.Paths, Out: whole})
	sameFiles(t, j.Out, whole)
}

func TestExplainFullDisk(t *testing.T) {
	dir := photos(t, 12)
	j := job{Model: trained(t).Dir, Paths: []string{dir}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings(), Most: 1200}
	cmd, output := j.command(t)
	if err := cmd.Run(); err == nil {
		t.Fatal("no error")
	}
	if got := output.String(); !strings.HasPrefix(got, "write ") || !strings.Contains(got, " "+j.Out+"/") || !strings.HasSuffix(got, ": file too large\n") {
		t.Errorf("it said: %s", got)
	}
	noLeftovers(t, j.Out)
	whole := filepath.Join(t.TempDir(), "whole")
	explained(t, ExplainOptions{Paths: []string{dir}, Out: whole})
	explained(t, ExplainOptions{Paths: []string{dir}, Out: j.Out})
	sameFiles(t, j.Out, whole)
}

// Images that come later are explained too, and those that go leave nothing.
func TestExplainOtherImages(t *testing.T) {
	dir := photos(t, 10)
	out := filepath.Join(t.TempDir(), "out")
	explained(t, ExplainOptions{Paths: []string{filepath.Join(dir, "can")}, Out: out}) // names below maps/ begin in can
	check := func(want, earlier int) {
		t.Helper()
		s, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out})
		if len(rows) != want || s.Earlier != earlier {
			t.Errorf("%d rows, %d from before; want %d, %d", len(rows), s.Earlier, want, earlier)
		}
		whole := filepath.Join(t.TempDir(), "whole")
		explained(t, ExplainOptions{Paths: []string{dir}, Out: whole})
		sameFiles(t, out, whole)
	}
	check(10, 0)
	write(t, filepath.Join(dir, "zebra.png"), "no image")
	check(11, 8) // the first two shards are as they were
	testkit.WritePNG(t, filepath.Join(dir, "aaa.png"), image.NewGray(image.Rect(0, 0, 50, 50)))
	check(12, 0)
	if err := os.RemoveAll(filepath.Join(dir, "box")); err != nil {
		t.Fatal(err)
	}
	check(7, 0)
}

// The peak of memory does not depend on the number of images, and no goroutine
// is left.
func TestExplainMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	dir := t.TempDir()
	first := filepath.Join(dir, "000.png")
	img := image.NewRGBA(image.Rect(0, 0, 256, 192))
	for i := range img.Pix {
		img.Pix[i] = uint8(i / 64)
	}
	testkit.WritePNG(t, first, img) // 192 KiB decoded
	for i := 1; i < 600; i++ {
		if err := os.Link(first, filepath.Join(dir, fmt.Sprintf("%03d.png", i))); err != nil {
			t.Fatal(err)
		}
	}
	few := t.TempDir()
	for i := range 100 {
		if err := os.Link(first, filepath.Join(few, fmt.Sprintf("%03d.png", i))); err != nil {
			t.Fatal(err)
		}
	}
	peak := func(dir string) (kib int) {
		j := job{Model: trained(t).Dir, Paths: []string{dir}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings()}
		cmd, output := j.command(t)
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		var rows int
		if _, err := fmt.Sscan(output.String(), &rows, &kib); err != nil || rows < 100 {
			t.Fatalf("%q: %v", output, err)
		}
		return kib
	}
	some, many := peak(few), peak(dir)
	t.Logf("peak of 100 images %d MiB, of 600 %d MiB", some>>10, many>>10)
	if many > some+32<<10 {
		t.Errorf("the peak grows from %d to %d MiB", some>>10, many>>10)
	}
}

func TestExplainLeavesNoGoroutine(t *testing.T) {
	dir := photos(t, 20)
	explained(t, ExplainOptions{Paths: []string{dir}}) // TensorFlow's own
	before := runtime.NumGoroutine()
	for range 3 {
		explained(t, ExplainOptions{Paths: []string{dir}})
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines, before %d\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}
