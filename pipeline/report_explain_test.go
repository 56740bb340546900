package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/metric"
	"oscar/report/reporttest"
	"oscar/result"
)

// looked is a folder of explanations of a copy of the shapes, among which one
// cannot be read.
func looked(t *testing.T, method string) (dir, images string) {
	t.Helper()
	images = copyDir(t, shapes(t))
	write(t, filepath.Join(images, "can", "no image.png"), "none")
	o := ExplainOptions{Paths: []string{images}, Out: filepath.Join(t.TempDir(), "looked"), Settings: settings()}
	o.Settings.Method = method
	if CheckOption(o.Settings, "samples") == nil {
		o.Settings.Samples = 4
	}
	explained(t, o)
	return o.Out, images
}

func TestReportOfExplanations(t *testing.T) {
	dir, images := looked(t, "gradcam")
	p := reported(t, dir)
	p.Want("h1", "Where the model looks")
	p.Want("h3", "bottle", "box", "can", "paper", "roll", "tray")
	p.Want("dd", "49", "1 see the notes")
	if !slices.ContainsFunc(p.All("li"), func(note string) bool { return strings.HasPrefix(note, "not explained: can/no image.png: not a JPEG") }) {
		t.Error("no note tells of the file that is no image")
	}

	rows, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	// Only images of the test set count: the model has seen the others.
	right, wrong := 0, map[string]float32{}
	for _, r := range rows {
		if r.Part != "test" {
			continue
		}
		truth := filepath.Base(filepath.Dir(r.Image))
		if r.Truth != truth {
			t.Errorf("%s has truth %q", r.Image, r.Truth)
		}
		if r.Predicted == truth {
			right++
			continue
		}
		wrong[fmt.Sprintf("Photograph of class %s, predicted %s with %.2f", truth, r.Predicted, r.Probabilities[r.Predicted])] = r.Probabilities[r.Predicted]
	}
	p.Want("dt", "Accuracy on unseen images")
	low, high := metric.Wilson95(right, 6)
	p.Want("dd", fmt.Sprintf("%.1f\u202f%% 6 images; 95\u202f%%: %.1f to %.1f\u202f%%", 100*float64(right)/6, 100*low, 100*high))
	p.Want("tr", fmt.Sprintf("gradcam conv5 %d %d 0 0 0 %s", countOf(rows, "ok"), countOf(rows, "empty"), lastCell(p, "gradcam")))
	shown := slices.DeleteFunc(p.All("img"), func(alt string) bool { _, ok := wrong[alt]; return !ok })
	if len(shown) < min(len(wrong), result.ShownWrong) {
		t.Errorf("of %d errors %d are shown", len(wrong), len(shown))
	}
	if strings.Contains(string(p.Text), images) {
		t.Errorf("the report tells of the folder %s", images)
	}
	if right+len(wrong) == 0 {
		t.Error("nothing was predicted")
	}
	reporttest.Look(t, p.Path)
}

func countOf(rows []Row, status string) (n int) {
	for _, r := range rows {
		if r.Status == status {
			n++
		}
	}
	return n
}

// lastCell is the last word of the row that begins so.
func lastCell(p *reporttest.Page, begin string) string {
	for _, row := range p.All("tr") {
		if strings.HasPrefix(row, begin+" ") {
			return row[strings.LastIndex(row, " ")+1:]
		}
	}
	return ""
}

// With several methods a class has one image, and a picture of each.
func TestReportOfSeveralMethods(t *testing.T) {
	dir, _ := looked(t, "gradcam,saliency,lrp")
	p := reported(t, dir)
	for _, alt := range []string{"Photograph of class roll,", "Map of gradcam at conv5 for class ", "Map of saliency for class ", "Map of lrp for class "} {
		n := 0
		for _, have := range p.All("img") {
			if strings.HasPrefix(have, alt) {
				n++
			}
		}
		if n == 0 {
			t.Errorf("no picture begins with %q", alt)
		}
	}
	p.Want("b", "photograph", "gradcam", "saliency", "lrp")
	reporttest.Look(t, p.Path)
}

// Where the images are gone or changed, the overlays are shown in their place.
func TestReportWithoutTheImages(t *testing.T) {
	dir, images := looked(t, "gradcam")
	if err := os.RemoveAll(filepath.Join(images, "can")); err != nil {
		t.Fatal(err)
	}
	boxes, err := filepath.Glob(filepath.Join(images, "box", "*"))
	if err != nil || len(boxes) == 0 {
		t.Fatal(boxes, err)
	}
	for _, path := range boxes {
		b, err := os.ReadFile(filepath.Join(images, "roll", "0000.png"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	pictures := reported(t, dir).All("img")
	for _, class := range []string{"can", "box", "roll"} {
		photographs, maps := 0, 0
		for _, alt := range pictures {
			if strings.HasPrefix(alt, "Photograph of class "+class+",") {
				photographs++
			}
			if strings.Contains(alt, "on the photograph of class "+class+",") {
				maps++
			}
		}
		if (photographs > 0) != (class == "roll") || maps == 0 {
			t.Errorf("%s has %d photographs and %d maps", class, photographs, maps)
		}
	}
}

func TestReportOfScores(t *testing.T) {
	out := filepath.Join(t.TempDir(), "scores")
	s := mustScore(t, quickly(t, out))
	p := reported(t, out)
	p.Want("h1", "Which explanations to trust")
	p.Want("h3", "Faithfulness", "Localization", "Randomization", "Sanity check, layer by layer")
	rows := p.All("tr")
	for _, row := range s.Table.Rows {
		begin := row.Method + " "
		if row.Control {
			begin += "control "
		}
		begin += digitsOf(s, row.Method)
		if !slices.ContainsFunc(rows, func(have string) bool { return strings.HasPrefix(have, begin) }) {
			t.Errorf("no row begins with %q", begin)
		}
	}
	reporttest.Look(t, p.Path)
}

func digitsOf(s *Scores, method string) string {
	c, err := s.Table.Cell(method, "deletion")
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%.3f", float64(c.Mean))
}

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
	p.Want("h1", "Where the model looks")
	p.Want("h2", "Where it looks: looked", "Where it looks: here/maps", "Where it looks: there/maps", "Learning curves")
	p.Want("h3", "The explanations: looked", "The explanations: here/maps", "The training: "+filepath.Base(trained(t).Dir))
	headings := p.All("h2")
	slices.Sort(headings)
	if once := slices.Compact(slices.Clone(headings)); len(once) != len(headings) {
		t.Errorf("headings are there twice: %q", headings)
	}
	reporttest.Look(t, p.Path)
}
