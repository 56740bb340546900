package report_test

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/heatmap"
	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/internal/checksum"
	"oscar/internal/testkit"
	"oscar/report"
	"oscar/report/reporttest"
	"oscar/result"
	"oscar/score"
)

// detectorRun writes the run folder of a detector whose test part has a picture with a failure
// of each kind.
func detectorRun(t *testing.T) string {
	t.Helper()
	data, dir := filepath.Join(t.TempDir(), "heaps"), t.TempDir()
	pixels := make([]uint8, 60*80)
	for y := 20; y < 40; y++ {
		for x := 10; x < 50; x++ {
			pixels[y*80+x] = 1
		}
	}
	m := mask.Encode(60, 80, pixels)
	object := coco.Of(m)
	img := image.NewRGBA(image.Rect(0, 0, 80, 60))
	draw.Draw(img, img.Rect, image.NewUniform(color.RGBA{120, 160, 190, 255}), image.Point{}, draw.Src)
	for _, folder := range []string{filepath.Join(data, "images", "test"), filepath.Join(dir, "explained", "overlays"), filepath.Join(dir, "explained", "pictures")} {
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	testkit.WritePNG(t, filepath.Join(data, "images", "test", "a.png"), img)

	scores := func(ap float64) coco.Scores {
		return coco.Scores{AP: ap, AP50: 2 * ap, AP75: ap, APLarge: -1, ByClass: []coco.ClassScores{{Class: "can <b>", AP: ap, AP50: 2 * ap}}}
	}
	var lines []byte
	for i := range 3 {
		boxes, masks := scores(0.1*float64(i+1)), scores(0.09*float64(i+1))
		b, err := json.Marshal(result.DetectorEpoch{Epoch: i + 1, Loss: 3 - float64(i), ClassLoss: 1, MaskLoss: 0.5, Boxes: &boxes, Masks: &masks, Seconds: 60, ImagesPerSecond: 4, PeakMemory: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(append(lines, b...), '\n')
	}
	failure := func(kind, truth, class string) result.Failure {
		f := result.Failure{Kind: kind, Image: "a.png", ImageID: 1, Truth: truth, Class: class, Score: 0.75, IoU: 0.5}
		if truth != "" {
			f.Object = &object
		}
		if class != "" {
			f.Found = &object
		}
		return f
	}
	away := failure(result.Missed, "gone", "")
	away.Image = "../../../secret.png"
	experiment := map[string]any{
		"format": 1, "task": result.Instances, "seed": 3, "explain": "block3", "data": map[string]any{"root": data, "classes": []string{"can <b>", "cup"}},
		"detector": map[string]any{"name": "mask_rcnn_small", "input": []int{64, 64, 3}, "taps": []string{"c2", "c3"}}, "training": map[string]any{"epochs": 3, "batch": 4, "learning_rate": 0.001},
	}
	heat := &result.Heat{Mask: 0.625, Box: 0.8, Others: 0.1, Peak: true}
	var rows []byte
	for i, method := range []string{"hirescam", "saliency"} {
		r := result.ObjectRow{
			Image: "a.png", ImageID: 1, Object: 1, Class: "can <b>", Detection: 0.91, Box: m.Box(), Segmentation: object, Method: method, Layer: "block3",
			Status: explain.OK, Heat: heat, Control: &result.Heat{Mask: 0.5, Box: 1, Others: 0.25}, Map: "maps/none.npy", Overlay: fmt.Sprintf("overlays/%d.png", i), Picture: "pictures/a.png",
		}
		if i == 1 {
			r.Status, r.Heat, r.Overlay = explain.Empty, nil, "overlays/gone.png"
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(append(rows, b...), '\n')
	}
	scored := filepath.Join(dir, "scores")
	if err := os.Mkdir(scored, 0o777); err != nil {
		t.Fatal(err)
	}
	metric, err := score.Lookup("insertion")
	if err != nil {
		t.Fatal(err)
	}
	values := func(of ...score.Number) []score.Cell {
		cell := score.Cell{}
		for _, v := range of {
			cell.Values = append(cell.Values, score.Value{Value: v, Status: explain.OK})
		}
		return []score.Cell{cell}
	}
	table, err := score.Clustered(score.Table{Metrics: []score.Metric{metric}, Images: 2, Rows: []score.Row{
		{Method: "hirescam@block3", Cells: values(0.5, 0.7, 0.75)}, {Method: "the box itself", Control: true, Cells: values(0.4, 0.6, 0.65)},
	}}, []int{0, 0, 1})
	if err != nil {
		t.Fatal(err)
	}
	settings := result.ObjectSettings{Format: 1, Task: result.Instances, Model: "mask_rcnn_small", Epoch: 3, Method: "hirescam", Layer: "block3", Least: 0.5}
	explained := filepath.Join(dir, "explained")
	for _, name := range []string{"overlays/0.png", "pictures/a.png"} {
		if err := heatmap.WritePNG(filepath.Join(explained, name), img); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		checksum.WriteJSON(dir, result.ExperimentFile, experiment),
		checksum.WriteJSON(dir, result.EnvironmentFile, result.Environment{Oscar: "test", Processor: "a processor", Processors: 2}),
		checksum.Write(dir, result.MetricsFile, lines),
		checksum.WriteJSON(dir, result.EvaluationFile, result.DetectorEvaluation{
			Format: 1, Task: result.Instances, Part: "test", Epoch: 3, Images: 1, Objects: 3, Detections: 3, Boxes: scores(0.31), Masks: scores(0.27),
			Strata: []result.Stratum{{Name: "apart", Objects: 3, AP: 0.27, AP50: 0.54}},
			Ways: []result.Way{
				{Name: "detector", AP: 0.27, Interval: [2]float64{0.21, 0.33}, AP50: 0.54, Strata: []result.Stratum{{Name: "apart", Objects: 3, AP: 0.27, AP50: 0.54}}},
				{Name: "the whole picture", AP: 0.015, Interval: [2]float64{-1, 0.02}, AP50: 0.05, Strata: []result.Stratum{{Name: "apart", AP: -1}}},
			},
			Single: &result.Single{Images: 8, Found: 7, Class: 0.625, MedianIoU: 0.815},
			Outcomes: &result.Outcomes{Least: 0.5, Right: 1, WrongClass: 1, Missed: 2, NoObject: 1, Failures: []result.Failure{
				failure(result.WrongClass, "can <b>", "cup"), failure(result.NoObject, "", "cup"), failure(result.Missed, "cup", ""), away,
			}},
		}),
		checksum.WriteJSON(explained, result.SettingsFile, result.ObjectSettings{Format: 1, Task: result.Instances, Model: "mask_rcnn_small", Epoch: 3, Method: "hirescam,saliency", Layer: "block3", Least: 0.5}),
		checksum.Write(explained, result.ManifestFile, rows),
		checksum.WriteJSON(scored, result.ScoringFile, settings),
		checksum.WriteJSON(scored, result.ScoreFile, result.ObjectScores{
			Format: 1, Task: result.Instances, Settings: settings, Metrics: []string{"insertion"}, PerClass: 8, Objects: make([]result.ScoredObject, 3), Table: table,
		}),
		checksum.Update(explained, "overlays/0.png", "pictures/a.png"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The page of a detector's run has COCO's numbers, the failures and the explanations within the
// folder. A picture that is not there is named, and a name never leads out of the data.
func TestDetectorPage(t *testing.T) {
	dir := detectorRun(t)
	path, err := report.Write(t.Context(), report.Options{Dirs: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, want := range []string{
		"mask_rcnn_small on heaps", "0.270", "0.310", "can &lt;b&gt; taken for cup 0.75", "No object", "Missed", "the picture was moved or removed", "the picture is missing",
		"all objects", "1 can &lt;b&gt; 0.91", "62.5\u202f% on the mask", "the map is empty", "the box itself", "1 of 4 objects", "0.210 to 0.330", "the whole picture", "62.5\u202f% of 8 images", "is 0.815; 1 image has no detection",
		"Means over 3 objects on 2 pictures", "Maps without a positive value are left out: 1 of 2.", "0 of 1 scores are significantly better", "0.650",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(text, "– to") { // the interval of the whole picture has no value
		t.Error("the page has half an interval")
	}
	if n := strings.Count(text, "<img "); n != 5 { // three failures, all objects, a map
		t.Errorf("the page has %d pictures, want 5", n)
	}
	alone, err := report.Write(t.Context(), report.Options{Dirs: []string{filepath.Join(dir, "explained")}, Out: filepath.Join(t.TempDir(), "alone.html")})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = os.ReadFile(alone); err != nil || !strings.Contains(string(b), "Which pixels name each object") {
		t.Error(err)
	}
	if strings.Contains(string(b), ">0.000<") { // a method without a map has no shares
		t.Error("the page has shares of no map")
	}
	reporttest.Look(t, path)
}
