package savedmodel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/internal/graph"
)

// An index lists what was saved; one that is damaged anywhere is an error, or lists no more.
func TestReadIndex(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "bundle")
	entries := []graph.Entry{{Key: "a/bias"}, {Key: "a/kernel"}, {Key: "b"}}
	values := []graph.Value{graph.FromFloat32s(graph.Shape{2}, []float32{1, 2}), graph.FromFloat32s(graph.Shape{1, 2, 3}, make([]float32, 6)), graph.FromFloat32s(graph.Shape{}, []float32{7})}
	if err := graph.WriteCheckpoint(t.Context(), prefix, entries, values); err != nil {
		t.Fatal(err)
	}
	list, err := ReadIndex(prefix)
	if err != nil || len(list) != 3 {
		t.Fatal(list, err)
	}
	for i, want := range []string{"a/bias [2] 8", "a/kernel [1,2,3] 24", "b [] 4"} {
		e := list[i]
		if got := strings.Join([]string{e.Name, e.Shape.String(), itoa(e.Bytes)}, " "); got != want || !e.Float {
			t.Errorf("%q, %v; want %q of float32", got, e.Float, want)
		}
	}
	index, err := os.ReadFile(prefix + ".index")
	if err != nil {
		t.Fatal(err)
	}
	for i := range index {
		if _, err := parseIndex(index[:i]); err == nil {
			t.Errorf("the first %d bytes are read", i)
		}
	}
	if _, err := ReadIndex(prefix + "s"); err == nil {
		t.Error("an index that is not there is read")
	}
}

func itoa(n int64) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// Whatever an index says, the list is no longer than it.
func FuzzParseIndex(f *testing.F) {
	prefix := filepath.Join(f.TempDir(), "bundle")
	if err := graph.WriteCheckpoint(f.Context(), prefix, []graph.Entry{{Key: "a/bias"}, {Key: "a/kernel"}},
		[]graph.Value{graph.FromFloat32s(graph.Shape{2}, []float32{1, 2}), graph.FromFloat32s(graph.Shape{1, 1}, []float32{3})}); err != nil {
		f.Fatal(err)
	}
	index, err := os.ReadFile(prefix + ".index")
	if err != nil || len(index) < 48 {
		f.Fatal(err)
	}
	f.Add(index)
	f.Fuzz(func(t *testing.T, b []byte) {
		tensors, _ := parseIndex(b)
		names := 0
		for _, e := range tensors {
			names += len(e.Name)
		}
		if len(tensors) > maxEntries || names > maxEntries*longestName {
			t.Errorf("%d tensors with names of %d bytes", len(tensors), names)
		}
	})
}

// If a signal cancels reading or saving weights, the error is context.Canceled.
func TestSignalWhileWeightsAreRead(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "variables")
	entries, values := []graph.Entry{{Key: "a"}}, []graph.Value{graph.FromFloat32s(graph.Shape{1}, []float32{1})}
	if err := graph.WriteCheckpoint(t.Context(), prefix, entries, values); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, read := graph.ReadCheckpoint(ctx, prefix, []graph.Entry{{Key: "a", DType: graph.Float}})
	for _, err := range []error{read, graph.WriteCheckpoint(ctx, prefix, entries, values), plain(fmt.Errorf("run: %w", context.Canceled))} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
}
