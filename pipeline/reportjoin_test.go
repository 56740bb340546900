package pipeline

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"oscar/report/reporttest"
)

// Folders of a kind have headings of their own, named by as much of their paths as
// tells them apart; a folder that is named twice stands there once.
func TestReportOfFoldersOfAKind(t *testing.T) {
	first, _ := looked(t, "gradcam")
	root := t.TempDir()
	second, third := filepath.Join(root, "here", "maps"), filepath.Join(root, "there", "maps")
	for _, dir := range []string{second, third} {
		if err := os.CopyFS(dir, os.DirFS(first)); err != nil {
			t.Fatal(err)
		}
	}
	p := reported(t, first, second, third, second+"/", trained(t).Dir)
	p.want("h1", "Where the model looks")
	p.want("h2", "Where it looks: looked", "Where it looks: here/maps", "Where it looks: there/maps", "Learning curves")
	p.want("h3", "The explanations: looked", "The explanations: here/maps", "The training: "+filepath.Base(trained(t).Dir))
	headings := p.all("h2")
	slices.Sort(headings)
	if once := slices.Compact(slices.Clone(headings)); len(once) != len(headings) {
		t.Errorf("headings are there twice: %q", headings)
	}
	reporttest.Look(t, p.path)
}

func TestFolderNames(t *testing.T) {
	var chapters []chapter
	for _, dir := range []string{"/a/run", "/b/run", "/b/maps", "/c/b/maps", "/x/c/b/maps", "/a/run"} {
		chapters = append(chapters, chapter{dir: dir})
	}
	if diff := cmp.Diff([]string{"a/run", "b/run", "b/maps", "c/b/maps", "x/c/b/maps", "a/run"}, folderNames(chapters)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
