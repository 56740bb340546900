package pipeline

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/report/reporttest"
)

// looked is a folder of explanations of a copy of the shapes, among which one
// cannot be read.
func looked(t *testing.T, method string) (dir, images string) {
	t.Helper()
	images = copyDir(t, shapes(t))
	write(t, filepath.Join(images, "can", "no image.png"), "none")
	o := ExplainOptions{Paths: []string{images}, Out: filepath.Join(t.TempDir(), "looked"), Settings: settings()}
	o.Settings.Method, o.Settings.Samples = method, 4
	explained(t, o)
	return o.Out, images
}

func TestReportOfExplanations(t *testing.T) {
	dir, images := looked(t, "gradcam")
	p := reported(t, dir)
	p.want("h1", "Where the model looks")
	p.want("h3", "bottle", "box", "can", "paper", "roll", "tray")
	p.want("dd", "49", "1 see the notes")
	if !slices.ContainsFunc(p.all("li"), func(note string) bool { return strings.HasPrefix(note, "not explained: can/no image.png: not a JPEG") }) {
		t.Error("no note tells of the file that is no image")
	}
	p.want("code", "oscar explain MODEL IMAGES --out DIR --layer conv5 --samples 4")

	rows, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	right, wrong := 0, map[string]float32{}
	for _, r := range rows {
		if r.Status == Unreadable {
			continue
		}
		truth := filepath.Base(filepath.Dir(r.Image))
		if r.Predicted == truth {
			right++
			continue
		}
		wrong[fmt.Sprintf("Photograph of class %s, predicted %s with %.2f", truth, r.Predicted, r.Probabilities[r.Predicted])] = r.Probabilities[r.Predicted]
	}
	p.want("dt", "Predicted right")
	p.want("tr", fmt.Sprintf("gradcam conv5 %d %d 0 0 0 %s", countOf(rows, "ok"), countOf(rows, "empty"), lastCell(p, "gradcam")))
	shown := slices.DeleteFunc(p.all("img"), func(alt string) bool { _, ok := wrong[alt]; return !ok })
	if len(shown) < min(len(wrong), shownWrong) {
		t.Errorf("of %d errors %d are shown", len(wrong), len(shown))
	}
	if strings.Contains(string(p.text), images) {
		t.Errorf("the report tells of the folder %s", images)
	}
	if right+len(wrong) == 0 {
		t.Error("nothing was predicted")
	}
	reporttest.Look(t, p.path)
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
func lastCell(p *parsedPage, begin string) string {
	for _, row := range p.all("tr") {
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
		for _, have := range p.all("img") {
			if strings.HasPrefix(have, alt) {
				n++
			}
		}
		if n == 0 {
			t.Errorf("no picture begins with %q", alt)
		}
	}
	p.want("b", "photograph", "gradcam", "saliency", "lrp")
	reporttest.Look(t, p.path)
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
	pictures := reported(t, dir).all("img")
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

// An exhibit of a class with what the model says of it.
func exhibitOf(name, truth, said string, sure float32, status string) exhibit {
	return exhibit{truth: truth, rows: []Row{{Image: name, Predicted: said, Probabilities: map[string]float32{said: sure}, Status: status}}}
}

func TestSurestAndBetter(t *testing.T) {
	var sure, best []exhibit
	for i, e := range []exhibit{
		exhibitOf("a", "can", "tray", 0.9, "ok"), exhibitOf("b", "can", "can", 0.5, "empty"), exhibitOf("c", "can", "can", 0.4, "ok"),
		exhibitOf("d", "can", "can", 0.95, "ok"), exhibitOf("e", "can", "can", 0.9, "ok"), exhibitOf("f", "can", "can", 0.99, "ok"),
	} {
		sure, best = surest(sure, e, 3), better(best, e, 3)
		if len(sure) != min(i+1, 3) || len(best) != min(i+1, 3) {
			t.Fatalf("after %d: %d and %d", i+1, len(sure), len(best))
		}
	}
	names := func(list []exhibit) (s string) {
		for _, e := range list {
			s += e.first().Image
		}
		return s
	}
	if got := names(sure); got != "fda" { // of equals the first
		t.Errorf("the surest are %s", got)
	}
	if got := names(best); got != "cde" { // the first that are right and show something
		t.Errorf("the best are %s", got)
	}
}

// A manifest is read image by image, whatever its length.
func TestEachImage(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		for _, method := range []string{"gradcam", "saliency"} {
			line, err := json.Marshal(Row{Image: fmt.Sprint(i), Method: method})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "%s\n", line)
		}
	}
	path := filepath.Join(t.TempDir(), "manifest.jsonl")
	write(t, path, text.String())
	n := 0
	err := eachImage(t.Context(), path, func(rows []Row) error {
		if len(rows) != 2 || rows[0].Image != fmt.Sprint(n) || rows[1].Method != "saliency" {
			return fmt.Errorf("image %d has %d rows, of %s", n, len(rows), rows[0].Image)
		}
		n++
		return nil
	})
	if err != nil || n != 1000 {
		t.Errorf("%d images, %v", n, err)
	}
}

func TestReportOfScores(t *testing.T) {
	out := filepath.Join(t.TempDir(), "scores")
	s := mustScore(t, quickly(t, out))
	p := reported(t, out)
	p.want("h1", "Which explanations to trust")
	p.want("h3", "Faithfulness", "Localisation", "Randomisation", "Sanity check, layer by layer")
	rows := p.all("tr")
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
	p.want("code", "oscar score MODEL --out DIR --method gradcam,saliency --per-class 2 --mosaics 2 --split all --seed 1 --metric deletion,pointing,energy,focus,sanity_rank_abs")
	reporttest.Look(t, p.path)
}

func digitsOf(s *Scores, method string) string {
	c, err := s.Table.Cell(method, "deletion")
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%.3f", float64(c.Mean))
}
