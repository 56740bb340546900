package resultdir

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func put(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, name := range files {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpen(t *testing.T) {
	kind := Kind{Mark: "mark.json", Early: []string{"split*.json", "runs"}}
	for _, test := range []struct {
		has     []string
		resumed bool
		run     bool
		want    string // the error, of the folder
		left    []string
	}{
		{has: []string{}},
		{has: []string{".partial-1", "file.partial"}, want: "%s is not empty; name a new folder"},
		{has: []string{".partial-1"}},
		{has: []string{".lock", ".partial-x"}},
		{has: []string{".lock", "split-2.json", "runs"}, left: []string{".lock", "runs", "split-2.json"}},
		{has: []string{"split-2.json"}, want: "%s is not empty; name a new folder"},
		{has: []string{".lock", "diary"}, want: "%s is not empty; name a new folder"},
		{has: []string{"mark.json", "anything"}, resumed: true, left: []string{".lock", "anything", "mark.json"}},
		{has: []string{"experiment.json"}, want: "%s is the folder of a run; name a new folder"},
		{has: []string{"experiment.json"}, run: true, want: "%s holds another run; continue with \"oscar train --resume %[1]s\", or name a new folder"},
	} {
		kind.Run = test.run
		for _, exists := range []bool{true, false} {
			if !exists && len(test.has) > 0 {
				continue
			}
			dir := filepath.Join(t.TempDir(), "out")
			if exists {
				if err := os.Mkdir(dir, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			put(t, dir, test.has...)
			d, err := Open(dir, kind)
			if test.want != "" {
				if err == nil || err.Error() != fmt.Sprintf(test.want, dir) {
					t.Errorf("%v: %v", test.has, err)
				}
				if got := names(t, dir); !slices.Equal(got, slices.Sorted(slices.Values(test.has))) {
					t.Errorf("%v: the refusal left %v", test.has, got)
				}
				continue
			}
			if err != nil || d.Resumed != test.resumed {
				t.Errorf("%v: %+v, %v", test.has, d, err)
				continue
			}
			if _, err := Open(dir, kind); err == nil || err.Error() != dir+" is in use by another oscar" {
				t.Errorf("%v: opened twice: %v", test.has, err)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			if got := names(t, dir); len(got)+len(test.left) > 0 && !slices.Equal(got, test.left) {
				t.Errorf("%v: closed without results it has %v, want %v", test.has, got, test.left)
			}
			if _, err := os.Stat(dir); (err == nil) != exists {
				t.Errorf("%v: the folder is there: %v", test.has, err == nil)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	put(t, filepath.Dir(file), "file")
	if _, err := Open(file, kind); err == nil || err.Error() != file+" cannot be a folder for results: not a directory; name a new folder" {
		t.Errorf("a file: %v", err)
	}
}

// Of many that open a folder at once, and write into it, one wins each time.
func TestOpenIsForOne(t *testing.T) {
	for range 200 {
		dir := filepath.Join(t.TempDir(), "out")
		var group sync.WaitGroup
		var mutex sync.Mutex
		won := 0
		for range 4 {
			group.Go(func() {
				d, err := Open(dir, Kind{})
				if err != nil {
					return
				}
				defer d.Close()
				if err := os.WriteFile(filepath.Join(dir, "result"), nil, 0o666); err != nil {
					t.Error(err)
				}
				mutex.Lock()
				won++
				mutex.Unlock()
			})
		}
		group.Wait()
		if won != 1 {
			t.Fatalf("%d have won", won)
		}
	}
}

// Many open a folder and leave it without results: no lock file is left.
func TestCloseWithoutResults(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 500 {
				if d, err := Open(dir, Kind{}); err == nil {
					d.Close()
				}
			}
		})
	}
	group.Wait()
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
