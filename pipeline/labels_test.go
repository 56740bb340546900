package pipeline

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"oscar/result"
)

// A class that is called like a word of the command line is told of.
func TestClassesThatAreWords(t *testing.T) {
	if got := wordNotes([]string{"all", "can", "true"}); len(got) != 2 || got[0] != `the class "true" is also a word: explain --class =true explains the class` {
		t.Errorf("%q", got)
	}
	if got := wordNotes([]string{"can", "True"}); got != nil {
		t.Errorf("%q", got)
	}
}

// Every job gives the images of a nested folder the same classes: the split's of
// the same content, else that of the nearest folder that is named as a class.
func TestJobsAgreeOnLabels(t *testing.T) {
	run, images := trained(t), shapes(t)
	var paper string // a test image, whose content the run's split knows
	for _, item := range run.Split.Test {
		if run.Split.Classes[item.Class] == "paper" {
			paper = item.Path
		}
	}
	known, err := os.ReadFile(filepath.Join(images, paper))
	if err != nil {
		t.Fatal(err)
	}
	fresh := tree(t, photos(t, 6))
	root := filepath.Join(t.TempDir(), "tree")
	want := map[string]string{
		"can/box/a.png":     "box",
		"can/deeper/b.png":  "can",
		"more/roll/c.png":   "roll",
		"glass/d.png":       "",
		"e.png":             "",
		"can/box/known.png": "paper",
		"elsewhere/f.png":   "",
	}
	content := map[string]string{
		"can/box/a.png": fresh["can/000.png"], "can/deeper/b.png": fresh["box/001.png"], "more/roll/c.png": fresh["can/002.png"],
		"glass/d.png": fresh["box/003.png"], "e.png": fresh["can/004.png"], "can/box/known.png": string(known), "elsewhere/f.png": fresh["box/005.png"],
	}
	for path := range want {
		write(t, filepath.Join(root, path), content[path])
	}
	labeled := maps.Clone(want)
	maps.DeleteFunc(labeled, func(_, class string) bool { return class == "" })

	check := func(verb string, got, want map[string]string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", verb, diff)
		}
	}
	relative := func(path string) string {
		if r, err := filepath.Rel(root, path); err == nil {
			return filepath.ToSlash(r)
		}
		return path
	}

	got := map[string]string{}
	_, rows := explained(t, ExplainOptions{Paths: []string{root}})
	for _, r := range rows {
		got[relative(r.Image)] = r.Truth
	}
	check("explain", got, want)

	s := settings()
	s.Class = TargetTrue
	got = map[string]string{}
	_, rows = explained(t, ExplainOptions{Paths: []string{root}, Settings: s})
	for _, r := range rows {
		got[relative(r.Image)] = r.Target
		if unknown := want[relative(r.Image)] == ""; unknown != (r.Status == result.UnknownClass) {
			t.Errorf("%s has status %s", r.Image, r.Status)
		}
	}
	check("explain --class true", got, want)

	said := &notes{}
	got = map[string]string{}
	e := evaluated(t, EvaluateOptions{Data: root, Part: "all", Listener: said.listener()})
	for _, c := range e.Classifications {
		got[c.Image] = c.Truth
	}
	check("evaluate", got, want)
	unknown := 0
	for _, n := range e.UnknownClass {
		unknown += n
	}
	if e.Images != 4 || unknown != 3 || e.PerClass[1].Class != "box" || e.PerClass[1].Support != 1 {
		t.Errorf("evaluate: %d images, %d of unknown class, %+v", e.Images, unknown, e.PerClass)
	}
	said.want(t, "the class of 3 of the 7 images is unknown, the first is e.png")

	o := quickly(t, filepath.Join(t.TempDir(), "scores"))
	o.Data, o.Scoring.Metrics = root, []string{"deletion"}
	job, err := o.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer job.close()
	got = map[string]string{}
	for i, name := range job.images.names {
		got[name] = run.Split.Classes[job.images.classes[i]]
	}
	check("score", got, labeled)

	together := globalOptions(t)
	together.Data = root
	all, err := together.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer all.bundle.Close()
	got = map[string]string{}
	for _, item := range all.part.items {
		got[item.Path] = run.Split.Classes[item.Class]
	}
	check("explain-global", got, labeled)

	// Within a class's folder, names of folders above count.
	t.Chdir(filepath.Join(root, "can", "deeper"))
	if e := evaluated(t, EvaluateOptions{Data: ".", Part: "all"}); e.Classifications[0].Truth != "can" {
		t.Errorf("evaluate within can: %+v", e.Classifications)
	}
	if _, rows := explained(t, ExplainOptions{Paths: []string{"b.png"}}); rows[0].Truth != "can" {
		t.Errorf("explain within can: %+v", rows[0])
	}
	_, err = Evaluate(t.Context(), EvaluateOptions{Model: run.Dir, Data: filepath.Join(root, "glass"), Part: "all", Machine: oneThread})
	wantError(t, err, "the class of none of the 1 images of "+filepath.Join(root, "glass")+" is known, the first is d.png: no folder above it is named as a class; have bottle, box, can, paper, roll, tray. oscar predict wants no classes")
}
