package interop

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/internal/testkit"
	"oscar/pipeline"
	"oscar/tfmodel"
)

// readmeTolerance is what README promises: the largest difference of a probability
// between its Python example and "oscar explain".
const readmeTolerance = 0.02

// The Python example of README.md, on photographs with EXIF orientations or transparency, says what
// "oscar explain" says.
func TestReadmeReadsPhotographsAsOscar(t *testing.T) {
	packages := os.Getenv("OSCAR_PYTHON_TENSORFLOW")
	if packages == "" {
		t.Skip("OSCAR_PYTHON_TENSORFLOW names no Python packages; `make test` sets it")
	}
	data := filepath.Join(t.TempDir(), "data")
	if err := dataset.Synthesize(t.Context(), data, dataset.SyntheticOptions{PerClass: 20, Width: 96, Height: 72, Seed: 3}); err != nil {
		t.Fatal(err)
	}
	e := experiment.Default()
	e.Architecture = tfmodel.Architecture{Name: "tiny"}
	e.Training.Epochs, e.Training.Batch, e.Training.LearningRate = 10, 8, 1e-3
	run := must(pipeline.Train(t.Context(), pipeline.TrainOptions{Data: filepath.Join(data, "images"), Out: filepath.Join(t.TempDir(), "run"), Experiment: e}))(t)

	photos := filepath.Join(t.TempDir(), "photos")
	mkdir(t, photos)
	for i := range 12 { // orientations 1 to 8, and some again
		orientation := i%8 + 1
		photo, _, err := dataset.SyntheticImage(i%6, 100+i, dataset.SyntheticOptions{PerClass: 200, Width: 640 + 17*i, Height: 480, Seed: 9})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, photo, &jpeg.Options{Quality: 85}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(photos, fmt.Sprintf("%02d-orientation-%d.jpg", i, orientation))
		if err := os.WriteFile(path, withOrientation(b.Bytes(), orientation), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4 { // with transparency, which oscar draws on white
		photo, _, err := dataset.SyntheticImage(i, 200+i, dataset.SyntheticOptions{PerClass: 300, Width: 320, Height: 240, Seed: 9})
		if err != nil {
			t.Fatal(err)
		}
		clear := image.NewNRGBA(photo.Bounds())
		for y := range 240 {
			for x := range 320 {
				r, g, b, _ := photo.At(x, y).RGBA()
				clear.SetNRGBA(x, y, color.NRGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), uint8(255 * (x / 80) / 3)})
			}
		}
		var b bytes.Buffer
		if err := png.Encode(&b, clear); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(photos, fmt.Sprintf("%02d-clear.png", 12+i)), b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	settings := pipeline.DefaultSettings()
	out := filepath.Join(t.TempDir(), "explained")
	must(pipeline.Explain(t.Context(), pipeline.ExplainOptions{Model: run.Dir, Paths: []string{photos}, Out: out, Settings: settings}))(t)
	rows := must(pipeline.ReadManifest(out))(t)

	arguments := []string{"readme.py", filepath.Join("..", "README.md"), run.Model(), "32"}
	for _, r := range rows {
		arguments = append(arguments, r.Image)
	}
	command := testkit.Python(t.Context(), packages, arguments...)
	output, err := command.Output()
	if err != nil {
		t.Fatalf("readme.py: %v", err)
	}
	var answers []struct {
		Upright  []float64 `json:"upright"`
		AsStored []float64 `json:"as_stored"`
	}
	if err := json.Unmarshal(output, &answers); err != nil || len(answers) != len(rows) {
		t.Fatalf("%d answers for %d photographs: %v", len(answers), len(rows), err)
	}
	classes := run.Split.Classes
	largest, turned := 0.0, 0.0
	for i, r := range rows {
		for class, name := range classes {
			own := float64(r.Probabilities[name])
			difference := math.Abs(answers[i].Upright[class] - own)
			if largest = max(largest, difference); difference > readmeTolerance {
				t.Errorf("%s: %s has probability %.4f in Python, %.4f in oscar", filepath.Base(r.Image), name, answers[i].Upright[class], own)
			}
			turned = max(turned, math.Abs(answers[i].AsStored[class]-own))
		}
	}
	if turned <= readmeTolerance {
		t.Errorf("without its orientation no photograph is predicted otherwise: %.4f at most", turned)
	}
	t.Logf("probabilities differ by %.4f at most, without orientation by %.4f", largest, turned)
}

// withOrientation puts an EXIF block with an orientation into a JPEG file.
func withOrientation(photo []byte, orientation int) []byte {
	block := append([]byte("Exif\x00\x00"), "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"...)
	block = binary.BigEndian.AppendUint16(block, uint16(orientation))
	block = append(block, 0, 0, 0, 0, 0, 0)
	out := append([]byte{}, photo[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(block)+2))
	return append(append(out, block...), photo[2:]...)
}
