package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/global"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/damage"
	"oscar/internal/machine"
	"oscar/internal/paths"
	"oscar/internal/testkit"
	"oscar/pipeline"
	"oscar/report"
	"oscar/result"
	"oscar/score"
	"oscar/study"
	"oscar/tfmodel"
	"oscar/verify"
)

var update = flag.Bool("update", false, "write "+reliabilityPage)

const reliabilityPage = "../docs/reliability.md"

// subject is a folder of results of one kind that is damaged.
type subject struct {
	name  string
	dir   string
	whole string // a copy of it
	// read does what reads the folder, and returns what came of it.
	read func(ctx context.Context, t *testing.T) (string, error)
	// repeat does what made the folder once more; nil: it does not resume.
	repeat func(ctx context.Context, note func(string)) error
}

// outcome counts what came of the tries.
type outcome struct {
	Tries, Verified                     int // of Tries: oscar verify names the folder damaged
	Noticed, Harmless                   int // by reading: an error or a word on the page; the same result
	Repeats, Repaired, Refused, Useless int // by repeating; Useless: the damage does not matter to it
	Silent                              int
}

// free are files without a checksum by their nature.
func free(name string) bool {
	base := filepath.Base(name)
	return base == atomicfile.LockFile || strings.HasPrefix(name, "events/") || strings.Contains(name, "/events/")
}

// TestDamage damages files of all kinds of folders. Nothing may go wrong in
// silence. $OSCAR_DAMAGE is the number of tries a kind of folder, and a tenth of
// that of repetitions.
func TestDamage(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	tries := 24
	if text := os.Getenv("OSCAR_DAMAGE"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		tries = n
	}
	for _, s := range subjects(t) {
		t.Run(s.name, func(t *testing.T) {
			o := s.campaign(t, tries)
			t.Logf("%+v", o)
			if *update {
				testkit.UpdateRows(t, reliabilityPage, "damage", 1, [][]string{o.row(s.name)})
			}
		})
	}
}

func (o outcome) row(name string) []string {
	cells := []string{name}
	for _, n := range []int{o.Tries, o.Verified, o.Noticed, o.Harmless, o.Repeats, o.Repaired, o.Refused, o.Useless, o.Silent} {
		cells = append(cells, strconv.Itoa(n))
	}
	return cells
}

// campaign damages a folder again and again. After each try it is put back.
func (s subject) campaign(t *testing.T, most int) (o outcome) {
	ctx := t.Context()
	want, err := s.read(ctx, t)
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	if f, err := verify.Dir(ctx, s.dir); err != nil || !f.Whole() {
		t.Fatalf("%s is not whole before: %+v, %v", s.name, f, err)
	}
	for i := uint64(1); o.Tries < most; i++ {
		list, err := damage.Tries(s.dir, i, func(name string) bool { return !free(name) })
		if err != nil {
			t.Fatal(err)
		}
		for _, try := range list {
			if o.Tries == most {
				break
			}
			changed, err := try.Apply()
			if err != nil {
				t.Fatal(err)
			}
			if changed {
				s.judge(ctx, t, try, want, &o)
			}
			s.restore(t)
		}
	}
	return o
}

func (s subject) restore(t *testing.T) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(s.dir), os.CopyFS(s.dir, os.DirFS(s.whole))); err != nil {
		t.Fatal(err)
	}
}

// judge looks at what came of a try.
func (s subject) judge(ctx context.Context, t *testing.T, try damage.Try, want string, o *outcome) {
	o.Tries++
	if f, err := verify.Dir(ctx, s.dir); err != nil || !f.Whole() {
		o.Verified++
	} else {
		t.Errorf("%s, %s: oscar verify finds it whole", s.name, try)
	}
	switch got, err := s.read(ctx, t); {
	case err == nil && got == want:
		o.Harmless++
	case err != nil || strings.Contains(got, "the file is damaged") || strings.Contains(got, "is missing"):
		o.Noticed++
	default:
		o.Silent++
		t.Errorf("%s, %s: another result in silence", s.name, try)
	}
	if s.repeat == nil || o.Tries%10 != 0 {
		return
	}
	o.Repeats++
	var notes []string
	err := s.repeat(ctx, func(text string) { notes = append(notes, text) })
	f, looked := verify.Dir(ctx, s.dir)
	switch {
	case err != nil && (strings.Contains(err.Error(), filepath.Base(try.File)) || strings.Contains(err.Error(), checksum.File)):
		o.Refused++
	case err != nil:
		o.Refused++
		t.Logf("%s, %s: refused without its name: %v", s.name, try, err)
	case looked != nil:
		t.Errorf("%s, %s: %v", s.name, try, looked)
	default:
		got, err := s.read(ctx, t)
		switch {
		case f.Whole() && err == nil && len(notes) > 0:
			o.Repaired++
		case err != nil || !f.Whole() || got == want:
			o.Useless++ // nothing that it needs, or made again with the same result
		default:
			o.Silent++
			t.Errorf("%s, %s: another result after repeating, without a note", s.name, try)
		}
	}
}

// subjects makes a folder of each kind.
func subjects(t *testing.T) []subject {
	ctx, top := t.Context(), t.TempDir()
	at := func(name string) string { return filepath.Join(top, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(dataset.Synthesize(ctx, at("shapes"), dataset.SyntheticOptions{PerClass: 8, Width: 64, Height: 64, Seed: 7}))
	on := pipeline.Machine{Threads: machine.Threads{Intra: 1, Inter: 1}, Workers: 2}
	e := experiment.Default()
	e.Architecture = tfmodel.Architecture{Name: "tiny"}
	e.Training.Epochs, e.Training.Batch, e.Training.LearningRate = 2, 8, 1e-3
	run, err := pipeline.Train(ctx, pipeline.TrainOptions{Data: at("shapes/images"), Out: at("run"), Experiment: e, Machine: on})
	must(err)
	must(os.CopyFS(at("model"), os.DirFS(run.Model())))
	page := func(dir string) func(ctx context.Context, t *testing.T) (string, error) {
		return func(ctx context.Context, t *testing.T) (string, error) {
			out := filepath.Join(t.TempDir(), "report.html")
			if _, err := report.Write(ctx, report.Options{Dirs: []string{dir}, Out: out}); err != nil {
				return "", err
			}
			b, err := os.ReadFile(out)
			return string(b), err
		}
	}
	listen := func(note func(string)) pipeline.Listener { return pipeline.Listener{OnNote: note} }
	noOne := func(string) {}

	settings := pipeline.DefaultSettings()
	settings.Method, settings.Batch = "gradcam,saliency", 4
	explain := func(ctx context.Context, note func(string)) error {
		_, err := pipeline.Explain(ctx, pipeline.ExplainOptions{Model: at("model"), Paths: []string{at("shapes/images/can")}, Out: at("explained"), Settings: settings, Machine: on, Listener: listen(note)})
		return err
	}
	must(explain(ctx, noOne))
	scored := func(ctx context.Context, note func(string)) error {
		s := pipeline.DefaultSettings()
		_, err := pipeline.Score(ctx, pipeline.ScoreOptions{
			Model: at("model"), Data: at("shapes/images"), Part: "all", Out: at("scores"), Settings: s,
			Scoring: score.Options{Metrics: []string{"gini"}, PerClass: 1}, Machine: on, Listener: listen(note),
		})
		return err
	}
	must(scored(ctx, noOne))
	all := pipeline.DefaultSettings()
	all.Method, all.Class = "", pipeline.TargetAll
	g := global.DefaultSettings()
	g.What = []string{global.MethodAverages}
	_, err = pipeline.ExplainGlobal(ctx, pipeline.GlobalOptions{Model: at("model"), Data: at("shapes/images"), Part: "all", Out: at("global"), Settings: all, Global: g, Machine: on})
	must(err)
	testkit.Write(t, at("small.yaml"), "{name: small, base: {architecture: tiny, training: {batch: 8}}, epochs: 1, seeds: [1], explain: {images: 1, mosaics: 0}, variants: [{name: baseline}]}")
	plan, err := study.ReadFile(at("small.yaml"))
	must(err)
	studied := func(ctx context.Context, note func(string)) error {
		_, err := study.Run(ctx, study.Options{Study: plan, Data: at("shapes/images"), Out: at("study"), Machine: on, Listener: study.Listener{Listener: listen(note)}})
		return err
	}
	must(studied(ctx, noOne))

	predicted := func(ctx context.Context, t *testing.T) (string, error) {
		e, err := pipeline.Evaluate(ctx, pipeline.EvaluateOptions{Model: at("model"), Data: at("shapes/images"), Part: "all", Machine: on})
		if err != nil {
			return "", err
		}
		b, err := json.Marshal(e.Classifications)
		return string(b), err
	}
	exported := func(ctx context.Context, t *testing.T) (string, error) {
		text, err := page(at("run"))(ctx, t)
		if err != nil {
			return "", err
		}
		out, noted := filepath.Join(t.TempDir(), "model"), ""
		err = pipeline.Export(ctx, pipeline.ExportOptions{Model: at("run"), Out: out, Threads: on.Threads, Listener: pipeline.Listener{OnNote: func(text string) { noted += text + " is missing" }}})
		if err != nil {
			return "", err
		}
		b, err := os.ReadFile(filepath.Join(out, checksum.File))
		return text + noted + string(b), err
	}
	resumed := func(ctx context.Context, note func(string)) error {
		r, err := pipeline.Resume(ctx, pipeline.ResumeOptions{Run: at("run"), Machine: on, Listener: listen(note)})
		if err != nil {
			return err
		}
		return pipeline.Showcase(ctx, r, on, listen(note))
	}
	must(pipeline.Showcase(ctx, run, on, listen(noOne)))
	list := []subject{
		{name: "run", dir: at("run"), read: exported, repeat: resumed},
		{name: "model", dir: at("model"), read: predicted},
		{name: "explanations", dir: at("explained"), read: page(at("explained")), repeat: explain},
		{name: "scores", dir: at("scores"), read: page(at("scores")), repeat: scored},
		{name: "global explanations", dir: at("global"), read: page(at("global"))},
		{name: "study", dir: at("study"), read: page(at("study")), repeat: studied},
	}
	for i := range list {
		s := &list[i]
		if s.name != "model" {
			must(result.AddCommand(s.dir, []string{"oscar", s.name}))
		}
		if !paths.Exists(filepath.Join(s.dir, checksum.File)) {
			t.Fatalf("%s has no checksums", s.name)
		}
		s.whole = testkit.CopyDir(t, s.dir)
	}
	return list
}

// The page has a row for each kind of folder, whose figures add up, and nothing went
// wrong in silence.
func TestReliabilityPage(t *testing.T) {
	var names []string
	var sum [9]int
	for _, row := range testkit.Rows(t, reliabilityPage, "damage") {
		if len(row) != 12 {
			t.Fatalf("%v has %d cells, want 12", row, len(row))
		}
		var n [9]int
		for i, cell := range row[1:10] {
			var err error
			if n[i], err = strconv.Atoi(cell); err != nil {
				t.Fatalf("%v: %v", row, err)
			}
		}
		name := row[0]
		names = append(names, name)
		if n[1] != n[0] || n[2]+n[3] != n[0] || n[5]+n[6]+n[7] != n[4] || n[8] != 0 {
			t.Errorf("the figures of %s do not add up, or something went wrong in silence: %v", name, n)
		}
		for i := range sum {
			if name == "all" && sum[i] != n[i] {
				t.Errorf("column %d of all is %d, want %d", i+1, n[i], sum[i])
			}
			sum[i] += n[i]
		}
	}
	if got, want := strings.Join(names, ", "), "run, model, explanations, scores, global explanations, study, all"; got != want {
		t.Errorf("the page has %s, want %s", got, want)
	}
}
