package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/internal/atomicfile"
	"oscar/internal/testkit"
)

// What killed processes left anywhere in a planned folder is gone after its merge, also if the
// merge is refused because units are not done.
func TestMergeSweeps(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains")
	}
	for _, v := range victims {
		if !strings.HasPrefix(v.verb, "merge, ") {
			continue
		}
		t.Run(v.verb, func(t *testing.T) {
			x := newTorture(t, v)
			plan, _, _ := strings.Cut(v.given, " && ")
			for given, want := range map[string]int{plan: exitFailed, v.given: 0} {
				x.given = given
				dir := x.fresh()
				var left []string
				for _, folder := range foldersBelow(t, filepath.Join(dir, "out")) {
					testkit.Write(t, filepath.Join(folder, atomicfile.Prefix+"left.json-1"), "{")
					testkit.Write(t, filepath.Join(folder, atomicfile.Prefix+"left-2", "file"), "")
					left = append(left, filepath.Join(folder, atomicfile.Prefix+"left.json-1"), filepath.Join(folder, atomicfile.Prefix+"left-2"))
				}
				if status, said := x.call(dir, "", v.args); status != want {
					t.Errorf("after %s: status %d, %s", given, status, said)
				}
				for _, path := range left {
					if _, err := os.Lstat(path); err == nil {
						t.Errorf("after %s: %s is still there", given, path)
					}
				}
			}
		})
	}
}

// foldersBelow returns a folder and those below it.
func foldersBelow(t *testing.T, dir string) (folders []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			folders = append(folders, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return folders
}
