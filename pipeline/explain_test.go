package pipeline

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/npy"
	"oscar/internal/paths"
	"oscar/internal/testkit"
	"oscar/result"
)

// settings are the default ones in shards of 4 images.
func settings() Settings {
	s := DefaultSettings()
	s.Batch = 4
	return s
}

// explained runs Explain with one thread, with the undisturbed run's model, to
// a new folder unless told otherwise.
func explained(t *testing.T, o ExplainOptions) (*Summary, []Row) {
	t.Helper()
	s, err := tryExplain(t, &o)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := ReadManifest(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	noLeftovers(t, o.Out)
	if s.Rows != len(rows) {
		t.Errorf("told of %d rows, there are %d", s.Rows, len(rows))
	}
	return s, rows
}

func tryExplain(t *testing.T, o *ExplainOptions) (*Summary, error) {
	t.Helper()
	if o.Model == "" {
		o.Model = trained(t).Dir
	}
	if o.Out == "" {
		o.Out = filepath.Join(t.TempDir(), "explained")
	}
	if o.Settings == (Settings{}) {
		o.Settings = settings()
	}
	limits := o.Machine.Limits
	o.Machine = oneThread
	o.Machine.Limits = limits
	return Explain(t.Context(), *o)
}

// photos is a folder of n images of 40x30 in two folders, and with them files
// that are no images.
func photos(t *testing.T, n int, others ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "photos")
	random := rand.New(rand.NewPCG(1, 1))
	for i := range n {
		img := image.NewRGBA(image.Rect(0, 0, 40, 30))
		base := color.RGBA{uint8(random.IntN(256)), uint8(random.IntN(256)), uint8(random.IntN(256)), 255}
		for y := range 30 {
			for x := range 40 {
				c := base
				c.R += uint8(x * (i + 1))
				c.G += uint8(y * (i + 3))
				img.SetRGBA(x, y, c)
			}
		}
		testkit.WritePNG(t, filepath.Join(dir, []string{"can", "box"}[i%2], fmt.Sprintf("%03d.png", i)), img)
	}
	for _, name := range others {
		write(t, filepath.Join(dir, name), "not an image: "+name)
	}
	return dir
}

// Names that the font of pictures lacks are drawn by number, and said once. The
// manifest has the names.
func TestNamesThatTheFontLacks(t *testing.T) {
	r := Row{Image: "photos/玻璃.jpg", SHA256: "0123456789abcdef", Status: "ok", Truth: "玻璃瓶", Predicted: "box", Target: "玻璃瓶",
		Probabilities: map[string]float32{"box": 0.5, "玻璃瓶": 0.3, "can": 0.2}}
	got := spelled(r)
	if got.Truth != "class 3" || got.Predicted != "box" || got.Target != "class 3" || got.Image != "image 01234567" || got.Title() != "box 0.50" || r.Truth != "玻璃瓶" {
		t.Errorf("%+v", got)
	}
	var s spelling
	for range 3 {
		s.consider(r)
	}
	if want := []string{
		`the font of the pictures lacks letters of classes: 玻璃瓶 is "class 3"`,
		"the font of the pictures lacks letters of 1 file names: they are drawn as the beginning of their SHA-256",
	}; !slices.Equal(s.notes(), want) {
		t.Errorf("notes %q", s.notes())
	}
	if plain := spelled(Row{Image: "a/b.png", Truth: "Müll", Predicted: "Müll"}); plain.Image != "b.png" || plain.Truth != "Müll" {
		t.Errorf("%+v", plain)
	}

	dir := filepath.Join(t.TempDir(), "照片")
	if err := os.CopyFS(dir, os.DirFS(photos(t, 2))); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "can", "000.png"), filepath.Join(dir, "can", "罐.png")); err != nil {
		t.Fatal(err)
	}
	n := &notes{}
	explained(t, ExplainOptions{Paths: []string{dir}, Listener: n.listener()})
	n.want(t, "lacks letters of 1 file names")
}

// Every file found gets its row, in order, whatever it is; and what a row says
// is what is in its files.
func TestExplainAFolder(t *testing.T) {
	dir := photos(t, 9, "can/notes.txt", "box/empty.png", "zzz.jpg")
	if err := os.Symlink("nowhere", filepath.Join(dir, "can", "broken.png")); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	s, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out})
	files, err := dataset.ListImages(t.Context(), []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	if s.Images != 13 || len(rows) != 13 || len(files) != 13 || s.Statuses[result.Unreadable] != 4 {
		t.Fatalf("%d images, %d rows, %d files; %s", s.Images, len(rows), len(files), s)
	}
	classes := trained(t).Split.Classes
	for i, r := range rows {
		if r.Image != files[i] {
			t.Errorf("row %d is of %s, want %s", i+1, r.Image, files[i])
		}
		if r.Status == result.Unreadable {
			if r.Reason == "" || r.Map != "" || r.Overlay != "" || r.Score != nil || r.RawMin != nil || r.Layer != "conv5" || r.Method != "gradcam" {
				t.Errorf("%+v", r)
			}
			continue
		}
		if len(r.SHA256) != 64 || r.Layer != "conv5" || r.Method != "gradcam" || r.Target != r.Predicted || !slices.Contains(classes, r.Predicted) || r.Score == nil {
			t.Errorf("%+v", r)
		}
		sum := float32(0)
		for _, p := range r.Probabilities {
			sum += p
			if p > r.Probabilities[r.Predicted] {
				t.Errorf("%s: predicted %s of %v", r.Image, r.Predicted, r.Probabilities)
			}
		}
		if len(r.Probabilities) != len(classes) || math.Abs(float64(sum-1)) > 1e-5 {
			t.Errorf("%s: %d probabilities sum to %g", r.Image, len(r.Probabilities), sum)
		}
		shape, values, err := npy.Read(filepath.Join(out, r.Map))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(shape, []int{14, 14}) || slices.Min(values) != *r.RawMin || slices.Max(values) != *r.RawMax {
			t.Errorf("%s: a map %v from %g to %g, the row says %g to %g", r.Image, shape, slices.Min(values), slices.Max(values), *r.RawMin, *r.RawMax)
		}
		if want := explain.StatusOf(explain.Grid{Height: 14, Width: 14, Values: values}); r.Status != string(want) {
			t.Errorf("%s: status %s, want %s", r.Image, r.Status, want)
		}
		overlay, err := dataset.DecodeFile(filepath.Join(out, r.Overlay), dataset.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		if got := overlay.Bounds().Size(); got != image.Pt(40, 30) {
			t.Errorf("%s: an overlay of %v, want the image's own size 40x30", r.Image, got)
		}
	}
	if s.Statuses["ok"] > 0 {
		if _, err := dataset.DecodeFile(filepath.Join(out, "montage.png"), dataset.DefaultLimits); err != nil {
			t.Errorf("montage: %v", err)
		}
	}
	for _, key := range strings.Fields("image sha256 status reason predicted probabilities target score layer method raw_min raw_max map overlay") {
		if !strings.Contains(tree(t, out)[result.ManifestFile], `"`+key+`":`) {
			t.Errorf("the manifest has no key %s", key)
		}
	}
}

// Nothing readable at all is no error: every file has its row.
func TestExplainOnlyUnreadable(t *testing.T) {
	s, rows := explained(t, ExplainOptions{Paths: []string{photos(t, 0, "a.png", "b.png")}})
	if len(rows) != 2 || s.Montage != "" || s.String() != "2 unreadable" {
		t.Errorf("%d rows, montage %q, %s", len(rows), s.Montage, s)
	}
}

// Results may lie among the images, and are no images.
func TestExplainIntoTheImages(t *testing.T) {
	dir := photos(t, 6)
	out := filepath.Join(dir, "explained")
	for range 2 {
		if _, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out}); len(rows) != 6 {
			t.Errorf("%d rows for 6 images", len(rows))
		}
	}
	_, err := tryExplain(t, &ExplainOptions{Paths: []string{filepath.Join(out, overlaysDir)}, Out: out})
	wantError(t, err, "all images lie in "+out+", the folder for the results; name a new folder")
}

// Results have names of their own, whatever the images are called.
func TestExplainNames(t *testing.T) {
	dir := t.TempDir()
	picture := image.NewGray(image.Rect(0, 0, 33, 35))
	for i := range picture.Pix {
		picture.Pix[i] = uint8(i * i)
	}
	long := strings.Repeat("very long ", 25)[:240]
	for _, name := range []string{
		"a/same.png", "b/same.png", "a/same.jpg", "a/same", "same.png", "a b/ä.png", "a/#?%.png", "a/" + long + "1.png", "a/" + long + "2.png", "not\xffutf8.png",
	} {
		testkit.WritePNG(t, filepath.Join(dir, name), picture)
	}
	for _, class := range []string{TargetPredicted, TargetAll} {
		s := settings()
		s.Class = class
		out := filepath.Join(t.TempDir(), "out")
		_, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: s})
		maps, overlays := map[string]bool{}, map[string]bool{}
		unreadable := 0
		for _, r := range rows {
			if r.Status == result.Unreadable {
				unreadable++
				if !strings.HasPrefix(r.Reason, "its name is not valid UTF-8: ") {
					t.Errorf("%s: %s", r.Image, r.Reason)
				}
				continue
			}
			maps[r.Map], overlays[r.Overlay] = true, true
			if !paths.Exists(filepath.Join(out, r.Map)) || !paths.Exists(filepath.Join(out, r.Overlay)) {
				t.Errorf("%s: %s or %s is not there", r.Image, r.Map, r.Overlay)
			}
		}
		want := 9
		if class == TargetAll {
			want *= 6
		}
		if len(rows) != want+1 || len(maps) != want || len(overlays) != want || unreadable != 1 {
			t.Errorf("%s: %d rows, %d maps, %d overlays, %d unreadable; want %d, %d, %d, 1", class, len(rows), len(maps), len(overlays), unreadable, want+1, want, want)
		}
	}
}

func TestExplainClasses(t *testing.T) {
	dir := photos(t, 6, "can/none.png")
	classes := trained(t).Split.Classes
	one := map[string]float32{} // the score of a class, asked for by name
	for _, class := range classes {
		s := settings()
		s.Class = class
		_, rows := explained(t, ExplainOptions{Paths: []string{dir}, Settings: s})
		for _, r := range rows {
			if r.Status != result.Unreadable {
				one[r.Image+" "+class] = *r.Score
				if r.Target != class {
					t.Errorf("%s: target %s, want %s", r.Image, r.Target, class)
				}
			}
		}
	}
	s := settings()
	s.Class = TargetAll
	_, rows := explained(t, ExplainOptions{Paths: []string{dir}, Settings: s})
	if want := 6*len(classes) + 1; len(rows) != want {
		t.Errorf("all: %d rows, want %d", len(rows), want)
	}
	for i, r := range rows {
		if r.Status == result.Unreadable {
			continue
		}
		if want := one[r.Image+" "+r.Target]; *r.Score != want {
			t.Errorf("%s %s: score %g, alone %g", r.Image, r.Target, *r.Score, want)
		}
		if i > 0 && rows[i-1].Image > r.Image {
			t.Errorf("%s comes after %s", r.Image, rows[i-1].Image)
		}
	}
	s.Class = TargetTrue
	_, rows = explained(t, ExplainOptions{Paths: []string{dir}, Settings: s})
	for _, r := range rows {
		if folder := filepath.Base(filepath.Dir(r.Image)); r.Status != result.Unreadable && r.Target != folder {
			t.Errorf("%s: target %s", r.Image, r.Target)
		}
	}
}

// A map that says nothing is told of, and its image is still in the results.
func TestExplainEmptyMaps(t *testing.T) {
	dir := t.TempDir()
	for i, c := range []color.Gray{{0}, {255}, {128}} {
		img := image.NewGray(image.Rect(0, 0, 20, 20))
		for j := range img.Pix {
			img.Pix[j] = c.Y
		}
		testkit.WritePNG(t, filepath.Join(dir, fmt.Sprintf("%d.png", i)), img)
	}
	s := settings()
	s.Class, s.Layer = TargetAll, "conv1"
	out := filepath.Join(t.TempDir(), "out")
	sum, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: s})
	if len(rows) != 18 || sum.Statuses["empty"] == 0 {
		t.Errorf("%d rows: %s", len(rows), sum)
	}
	for _, r := range rows {
		if (r.Status == "ok") != (r.Reason == "") {
			t.Errorf("%s: status %s, reason %q", r.Image, r.Status, r.Reason)
		}
		if !paths.Exists(filepath.Join(out, r.Overlay)) || !paths.Exists(filepath.Join(out, r.Map)) {
			t.Errorf("%s: a %s map has no files", r.Image, r.Status)
		}
	}
}

// A file that is changed between being read and being drawn keeps its map, and
// its row says why it is not drawn.
func TestExplainChangedFile(t *testing.T) {
	bundle := must(Open(trained(t).Dir, oneThread.Config(0)))
	defer bundle.Close()
	s, out, dir := settings(), t.TempDir(), photos(t, 1)
	s.Layer = "conv5"
	path := filepath.Join(dir, "can", "000.png")
	if err := initResultDir(out, s, Listener{}); err != nil {
		t.Fatal(err)
	}
	m := must(newMapper(bundle, s, out, labels{classes: bundle.Metadata.Classes}, dataset.Limits{}))
	p := must(newPainter(s, out))
	defer p.close()
	rows, _, err := m.shard(t.Context(), shardsOf([]string{path}, 1)[0], nil)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	write(t, path, "other")
	if err := p.shard(t.Context(), rows, nil); err != nil {
		t.Fatal(err)
	}
	r := p.row(rows[0])
	if !strings.HasSuffix(r.Reason, "not drawn: it has changed since it was explained") || (r.Status == result.NotDrawn) != (rows[0].Status == string(explain.OK)) || r.Overlay != "" || !hasFile(out, r.Map) || r.Image != path {
		t.Errorf("%+v", r)
	}
}
