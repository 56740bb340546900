package events

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

var start = time.Unix(1_700_000_000, 250_000_000)

func create(t *testing.T, dir string) *Writer {
	t.Helper()
	w, err := Create(dir, start)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func scalar(t *testing.T, w *Writer, tag string, step int64, value float64) {
	t.Helper()
	if err := w.Scalar(tag, step, value, start.Add(time.Duration(step)*time.Second)); err != nil {
		t.Fatal(err)
	}
}

func TestRoundTrip(t *testing.T) {
	w := create(t, filepath.Join(t.TempDir(), "runs", "train"))
	scalar(t, w, "loss", 1, 0.5)
	scalar(t, w, "train/accuracy", 2, 0.25)
	scalar(t, w, "loss", 0, math.Inf(1))
	scalar(t, w, "loss", -1, -3)
	scalar(t, w, "größe", math.MaxInt64, 1e-30)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	first := float64(1_700_000_000.25)
	want := []event{
		{WallTime: first, FileVersion: "brain.Event:2"},
		{WallTime: first + 1, Step: 1, Tag: "loss", Value: 0.5, HasValue: true},
		{WallTime: first + 2, Step: 2, Tag: "train/accuracy", Value: 0.25, HasValue: true},
		{WallTime: first, Tag: "loss", Value: float32(math.Inf(1)), HasValue: true},
		{WallTime: first - 1, Step: -1, Tag: "loss", Value: -3, HasValue: true},
	}
	got := readEvents(t, w.Path())
	if len(got) != len(want)+1 {
		t.Fatalf("%d events, want %d", len(got), len(want)+1)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("event %d: %+v\nwant     %+v", i, got[i], want[i])
		}
	}
	if last := got[len(want)]; last.Step != math.MaxInt64 || last.Tag != "größe" || last.Value != 1e-30 {
		t.Errorf("last event: %+v", last)
	}
}

func TestNaNIsKept(t *testing.T) {
	w := create(t, t.TempDir())
	scalar(t, w, "loss", 1, math.NaN())
	w.Flush()
	if got := readEvents(t, w.Path())[1]; got.Value == got.Value {
		t.Errorf("value %v, want NaN", got.Value)
	}
}

func TestFileNames(t *testing.T) {
	dir := t.TempDir()
	first, second := create(t, dir), create(t, dir)
	if first.Path() == second.Path() {
		t.Fatal("two writers share a file")
	}
	pattern := regexp.MustCompile(`^events\.out\.tfevents\.1700000000\..+\.oscar\.[01]$`)
	for _, w := range []*Writer{first, second} {
		if name := filepath.Base(w.Path()); !pattern.MatchString(name) {
			t.Errorf("name %q, want it to match %s", name, pattern)
		}
	}
}

// TensorBoard reads while a run writes: a file must never end within a record.
func TestOnlyWholeRecordsReachTheFile(t *testing.T) {
	w := create(t, t.TempDir())
	if len(readEvents(t, w.Path())) != 1 {
		t.Error("the version event is not there from the start")
	}
	tag := strings.Repeat("t", 300)
	for step := range int64(100) {
		scalar(t, w, tag, step, 1)
		readEvents(t, w.Path()) // fails on a record cut off
	}
	w.Scalar(strings.Repeat("t", 10_000), 100, 1, start) // larger than the buffer
	readEvents(t, w.Path())
	w.Flush()
	if got := len(readEvents(t, w.Path())); got != 102 {
		t.Errorf("%d events after Flush, want 102", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	w := create(t, t.TempDir())
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for step := range int64(50) {
				w.Scalar(fmt.Sprint("tag", g), step, 1, start)
			}
		})
	}
	group.Wait()
	w.Close()
	if got := len(readEvents(t, w.Path())); got != 201 {
		t.Errorf("%d events, want 201", got)
	}
}

func TestRefusals(t *testing.T) {
	w := create(t, t.TempDir())
	for _, tag := range []string{"", "\xff"} {
		if err := w.Scalar(tag, 0, 0, start); err == nil || !strings.Contains(err.Error(), "is empty or not UTF-8") {
			t.Errorf("tag %q: error %v", tag, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	for _, err := range []error{w.Scalar("loss", 0, 0, start), w.Flush()} {
		if err == nil || !strings.HasSuffix(err.Error(), "is closed") {
			t.Errorf("after Close: error %v", err)
		}
	}

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var pathErr *fs.PathError
	if _, err := Create(file, start); !errors.As(err, &pathErr) {
		t.Errorf("a file for a folder: error %v, want one with the path", err)
	}
}
