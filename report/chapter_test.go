package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFolderNames(t *testing.T) {
	var chapters []chapter
	for _, dir := range []string{"/a/run", "/b/run", "/b/maps", "/c/b/maps", "/x/c/b/maps", "/a/run"} {
		chapters = append(chapters, chapter{dir: dir})
	}
	if diff := cmp.Diff([]string{"a/run", "b/run", "b/maps", "c/b/maps", "x/c/b/maps", "a/run"}, folderNames(chapters)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
