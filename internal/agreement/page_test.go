package agreement_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"oscar/global"
	"oscar/internal/agreement"
	"oscar/internal/reference"
	"oscar/methods"
	"oscar/pipeline"
	runfolder "oscar/run"
	"oscar/score"
	"oscar/tfmodel"
)

var update = flag.Bool("update", false, "write "+agreement.Page+" from the lines in $"+agreement.Folder)

var (
	again  = flag.Bool("again", false, "write "+agreement.Page+" from its own lines")
	models = flag.String("models", "", "write models.json from a file of savedmodel/foreign's TestApplications")
)

// TestModels writes models.json, which the page is rendered with, if -models names a file.
func TestModels(t *testing.T) {
	if *models == "" {
		return
	}
	var list []agreement.Model
	if err := json.Unmarshal([]byte(read(t, *models)), &list); err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(agreement.Models{Made: now(t), Models: list}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("models.json", append(b, '\n'), 0o666); err != nil {
		t.Fatal(err)
	}
}

// The page is what is rendered of its own lines: nobody has edited it. With
// -update it is written.
func TestPageIsRendered(t *testing.T) {
	path := pagePath(t)
	if *update {
		lines, when := collect(t, os.Getenv(agreement.Folder)), now(t)
		if os.Getenv("OSCAR_CORRECTNESS_OF") != "" { // the lines of other packages stay
			lines, when = laid(t, read(t, path), lines, when)
		}
		write(t, path, lines, when)
	}
	if *again {
		lines, err := agreement.Parse(read(t, path))
		if err != nil {
			t.Fatal(err)
		}
		when, err := agreement.MadeOf(read(t, path))
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, lines, when)
	}
	page := read(t, path)
	lines, err := agreement.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	when, err := agreement.MadeOf(page)
	if err != nil {
		t.Fatal(err)
	}
	again, err := agreement.Render(lines, when)
	if err != nil {
		t.Fatal(err)
	}
	if again != page {
		t.Errorf("%s is not what its own lines give; its words are in internal/agreement/page.tmpl, its lines in tests: run make correctness", agreement.Page)
	}
	for _, l := range lines {
		if !(l.Difference <= l.Bound) {
			t.Errorf("%s: %s of %s has a difference of %g, above its bound %g", agreement.Page, l.Subject, l.Model, l.Difference, l.Bound)
		}
	}
}

// Every line of oscar's tables is compared with other numbers on both networks, or
// says that it has its slow twin only.
func TestPageNamesEveryLineOfTheTables(t *testing.T) {
	lines, err := agreement.Parse(read(t, pagePath(t)))
	if err != nil {
		t.Fatal(err)
	}
	var names, scores, signatures []string
	for _, m := range methods.Table {
		names = append(names, m.Name)
	}
	for _, m := range score.Metrics {
		scores = append(scores, m.Name)
	}
	for _, e := range tfmodel.Explanations {
		signatures = append(signatures, e.Name)
	}
	for _, c := range []struct {
		groups   []agreement.Group
		subjects []string
		models   []string // each is part of the column
	}{
		{[]agreement.Group{agreement.CAM, agreement.Gradients, agreement.Relevance, agreement.BlackBox}, names, reference.Names},
		{[]agreement.Group{agreement.Global}, []string{global.MethodSpRAy, global.MethodTree, global.MethodTCAV}, []string{"hand-made"}},
		{[]agreement.Group{agreement.Score}, scores, reference.Names},
		{[]agreement.Group{agreement.Signature}, signatures, reference.Names},
		{[]agreement.Group{agreement.Layer}, tfmodel.Kinds(), []string{""}},
	} {
		for _, subject := range c.subjects {
			for _, model := range c.models {
				if !slices.ContainsFunc(lines, func(l agreement.Line) bool {
					return slices.Contains(c.groups, l.Group) && l.Subject == subject && (strings.Contains(l.Model, model) || l.Oracle == agreement.TwinOnly)
				}) {
					t.Errorf("%s, %q, has no line for %s of %s: compare it in a test by agreement.Check, with the Oracle agreement.TwinOnly if no other program has it, and run make correctness",
						agreement.Page, c.groups[0], subject, cmp.Or(model, "any model"))
				}
			}
		}
	}
}

func pagePath(t *testing.T) string {
	t.Helper()
	if os.Getenv(agreement.Folder) != "" && !*update {
		t.Skip("the page is about to be written")
	}
	root, err := agreement.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, agreement.Page)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run make correctness", err)
	}
	return string(text)
}

// collect reads the lines of a run.
func collect(t *testing.T, dir string) (lines []agreement.Line) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || dir == "" || len(files) == 0 {
		t.Fatalf("%s=%q holds no lines, %v", agreement.Folder, dir, err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			var l agreement.Line
			if err := json.Unmarshal(s.Bytes(), &l); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			lines = append(lines, l)
		}
	}
	return lines
}

// laid returns the lines of a page with those of some packages in the place of theirs.
func laid(t *testing.T, page string, lines []agreement.Line, now agreement.Made) ([]agreement.Line, agreement.Made) {
	t.Helper()
	before, err := agreement.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	when, err := agreement.MadeOf(page)
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]bool{}
	for _, l := range lines {
		of[l.Test] = true
	}
	when.Later = fmt.Sprintf("Measured later: the lines of %s, on %s, at commit %s, on %s.", strings.Join(slices.Sorted(maps.Keys(of)), ", "), now.Date, now.Commit, now.Processor)
	return append(slices.DeleteFunc(before, func(l agreement.Line) bool { return of[l.Test] }), lines...), when
}

// now says how the page is being made.
func now(t *testing.T) agreement.Made {
	t.Helper()
	commit, err := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		commit = []byte("unknown")
	}
	e := runfolder.NewEnvironment(pipeline.Config{}, 0)
	return agreement.Made{
		Date: time.Now().UTC().Format(time.DateOnly), Commit: strings.TrimSpace(string(commit)),
		Versions: "TensorFlow " + e.TensorFlow + " and " + e.Go, Processor: e.Processor,
	}
}

func write(t *testing.T, path string, lines []agreement.Line, when agreement.Made) {
	t.Helper()
	page, err := agreement.Render(lines, when)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(page), 0o666); err != nil {
		t.Fatal(err)
	}
}
