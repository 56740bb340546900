package pipeline

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/npy"
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
		writePNG(t, filepath.Join(dir, []string{"can", "box"}[i%2], fmt.Sprintf("%03d.png", i)), img)
	}
	for _, name := range others {
		write(t, filepath.Join(dir, name), "not an image: "+name)
	}
	return dir
}

func writePNG(t *testing.T, path string, img image.Image) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
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
	if s.Images != 13 || len(rows) != 13 || len(files) != 13 || s.Statuses[Unreadable] != 4 {
		t.Fatalf("%d images, %d rows, %d files; %s", s.Images, len(rows), len(files), s)
	}
	classes := trained(t).Split.Classes
	for i, r := range rows {
		if r.Image != files[i] {
			t.Errorf("row %d is of %s, want %s", i+1, r.Image, files[i])
		}
		if r.Status == Unreadable {
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
		if !strings.Contains(tree(t, out)[manifestFile], `"`+key+`":`) {
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

// parts tells when, and by which write, each shard was done.
func parts(t *testing.T, out string) map[string]string {
	t.Helper()
	done := map[string]string{}
	entries, err := os.ReadDir(filepath.Join(out, partsDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		done[e.Name()] = fmt.Sprint(info.ModTime(), info.Sys().(*syscall.Stat_t).Ino)
	}
	return done
}

// sameFiles fails unless two folders of explanations hold the same files, byte
// for byte.
func sameFiles(t *testing.T, got, want string) {
	t.Helper()
	a, b := tree(t, got), tree(t, want)
	delete(a, lockFile)
	delete(b, lockFile)
	for name := range b {
		if a[name] != b[name] {
			t.Errorf("%s: %d bytes that differ from the undisturbed %d", name, len(a[name]), len(b[name]))
		}
		delete(a, name)
	}
	for name := range a {
		t.Errorf("%s: the undisturbed folder has none", name)
	}
}

func TestExplainInterrupted(t *testing.T) {
	dir := photos(t, 40, "a.txt", "can/b.txt")
	whole := filepath.Join(t.TempDir(), "whole")
	explained(t, ExplainOptions{Paths: []string{dir}, Out: whole})

	out := filepath.Join(t.TempDir(), "out")
	for _, stop := range []int{1, 9, 25} { // images
		ctx, cancel := context.WithCancel(t.Context())
		before := parts(t, out)
		_, err := Explain(ctx, ExplainOptions{
			Model: trained(t).Dir, Paths: []string{dir}, Out: out, Settings: settings(), Machine: oneThread,
			Listener: Listener{Count: func(done, total int) {
				if done >= stop {
					cancel()
				}
			}},
		})
		cancel()
		if !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		wantError(t, err, "interrupted; the same command goes on where it stopped")
		after := parts(t, out)
		for name, when := range before {
			if after[name] != when {
				t.Errorf("shard %s was done twice", name)
			}
		}
		if len(after) == 0 || len(after) == 11 {
			t.Errorf("%d of 11 shards are done after %d images", len(after), stop)
		}
		noLeftovers(t, out)
		if exists(filepath.Join(out, manifestFile)) {
			t.Error("there is a manifest before all is done")
		}
	}
	before := parts(t, out)
	s, _ := explained(t, ExplainOptions{Paths: []string{dir}, Out: out})
	if s.Earlier < 4*(len(before)-1) {
		t.Errorf("%d images were done before, in %d shards", s.Earlier, len(before))
	}
	for name, when := range before {
		if parts(t, out)[name] != when {
			t.Errorf("shard %s was done twice", name)
		}
	}
	sameFiles(t, out, whole)

	// Started once more there is nothing left to do.
	before = parts(t, out)
	s, _ = explained(t, ExplainOptions{Paths: []string{dir}, Out: out})
	if s.Earlier != 42 || !maps.Equal(before, parts(t, out)) {
		t.Errorf("%d of 42 images were done before", s.Earlier)
	}
}

// Killed at any moment and started again, explaining ends with the same files.
func TestExplainKilled(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	j := job{Model: trained(t).Dir, Paths: []string{photos(t, 90, "x.txt")}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings()}
	kills, torn := 0, 0
	for done := false; !done; {
		cmd, output := j.command(t)
		before := parts(t, j.Out)
		target := len(before) + random.IntN(8)
		if kills == 0 {
			target = -1 // at once: wherever the start is then
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for deadline := time.Now().Add(time.Minute); ; {
			select {
			case err := <-ended:
				if err != nil {
					t.Fatalf("process %d: %v\n%s", kills+1, err, output)
				}
				done = true
			default:
			}
			if done || target < 0 && exists(j.Out) || target >= 0 && len(parts(t, j.Out)) > target {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("process %d does not get on\n%s", kills+1, output)
			}
			time.Sleep(200 * time.Microsecond)
		}
		if !done {
			time.Sleep(time.Duration(random.IntN(5000)) * time.Microsecond)
			cmd.Process.Kill()
			<-ended
			kills++
			if len(leftovers(j.Out)) > 0 {
				torn++
			}
		}
		after := parts(t, j.Out)
		for name, when := range before {
			if after[name] != when {
				t.Errorf("shard %s was done twice", name)
			}
		}
	}
	t.Logf("%d kills, %d of them while a file was written", kills, torn)
	if kills < 3 {
		t.Errorf("%d kills: the test does not test", kills)
	}
	whole := filepath.Join(t.TempDir(), "whole")
	explained(t, ExplainOptions{Paths: j.Paths, Out: whole})
	sameFiles(t, j.Out, whole)
}

func TestExplainFullDisk(t *testing.T) {
	dir := photos(t, 12)
	j := job{Model: trained(t).Dir, Paths: []string{dir}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings(), Most: 1200}
	cmd, output := j.command(t)
	if err := cmd.Run(); err == nil {
		t.Fatal("no error")
	}
	if got := output.String(); !strings.HasPrefix(got, "write ") || !strings.Contains(got, " "+j.Out+"/") || !strings.HasSuffix(got, ": file too large\n") {
		t.Errorf("it said: %s", got)
	}
	noLeftovers(t, j.Out)
	whole := filepath.Join(t.TempDir(), "whole")
	explained(t, ExplainOptions{Paths: []string{dir}, Out: whole})
	explained(t, ExplainOptions{Paths: []string{dir}, Out: j.Out})
	sameFiles(t, j.Out, whole)
}

// Images that come later are explained too, and those that go leave nothing.
func TestExplainOtherImages(t *testing.T) {
	dir := photos(t, 10)
	out := filepath.Join(t.TempDir(), "out")
	explained(t, ExplainOptions{Paths: []string{filepath.Join(dir, "can")}, Out: out}) // names below maps/ begin in can
	check := func(want, earlier int) {
		t.Helper()
		s, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out})
		if len(rows) != want || s.Earlier != earlier {
			t.Errorf("%d rows, %d from before; want %d, %d", len(rows), s.Earlier, want, earlier)
		}
		whole := filepath.Join(t.TempDir(), "whole")
		explained(t, ExplainOptions{Paths: []string{dir}, Out: whole})
		sameFiles(t, out, whole)
	}
	check(10, 0)
	write(t, filepath.Join(dir, "zebra.png"), "no image")
	check(11, 8) // the first two shards are as they were
	writePNG(t, filepath.Join(dir, "aaa.png"), image.NewGray(image.Rect(0, 0, 50, 50)))
	check(12, 0)
	if err := os.RemoveAll(filepath.Join(dir, "box")); err != nil {
		t.Fatal(err)
	}
	check(7, 0)
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
	wantError(t, err, "all images lie in "+out+", which is for the results; name a new folder")
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
		writePNG(t, filepath.Join(dir, name), picture)
	}
	for _, class := range []string{TargetPredicted, TargetAll} {
		s := settings()
		s.Class = class
		out := filepath.Join(t.TempDir(), "out")
		_, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: s})
		maps, overlays := map[string]bool{}, map[string]bool{}
		unreadable := 0
		for _, r := range rows {
			if r.Status == Unreadable {
				unreadable++
				if !strings.HasPrefix(r.Reason, "its name is not valid UTF-8: ") {
					t.Errorf("%s: %s", r.Image, r.Reason)
				}
				continue
			}
			maps[r.Map], overlays[r.Overlay] = true, true
			if !exists(filepath.Join(out, r.Map)) || !exists(filepath.Join(out, r.Overlay)) {
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
			if r.Status != Unreadable {
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
		if r.Status == Unreadable {
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
		if folder := filepath.Base(filepath.Dir(r.Image)); r.Status != Unreadable && r.Target != folder {
			t.Errorf("%s: target %s", r.Image, r.Target)
		}
	}
}

// Several methods have a row each, and a folder each for their maps and
// overlays; a sheet shows them side by side.
func TestExplainMethods(t *testing.T) {
	dir := photos(t, 5, "can/none.png")
	s := settings()
	s.Method, s.Class = "layercam,gradcam,saliency", TargetAll
	out := filepath.Join(t.TempDir(), "out")
	sum, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: s})
	if want := 5*3*6 + 1; len(rows) != want || sum.Images != 6 {
		t.Errorf("%d rows of %d images, want %d of 6", len(rows), sum.Images, want)
	}
	files, sheets := map[string]bool{}, map[string]int{}
	for _, r := range rows {
		if r.Status == Unreadable {
			continue
		}
		files[r.Map], files[r.Overlay] = true, true
		sheets[r.Sheet]++
		for _, name := range []string{r.Map, r.Overlay, r.Sheet} {
			if !exists(filepath.Join(out, name)) {
				t.Errorf("%s %s: there is no %s", r.Image, r.Method, name)
			}
		}
		if !strings.Contains(r.Map, "/"+r.Method+"/") || !strings.Contains(r.Map, r.Target) {
			t.Errorf("%s %s %s: %s", r.Image, r.Method, r.Target, r.Map)
		}
	}
	if len(files) != 2*5*3*6 || len(sheets) != 5*6 {
		t.Errorf("%d files and %d sheets", len(files), len(sheets))
	}

	// One of them alone gives the same maps.
	s.Method = "layercam"
	alone := filepath.Join(t.TempDir(), "alone")
	_, single := explained(t, ExplainOptions{Paths: []string{dir}, Out: alone, Settings: s})
	for _, r := range single {
		if r.Status == Unreadable {
			continue
		}
		if r.Sheet != "" {
			t.Errorf("%s: a sheet of one method", r.Image)
		}
		_, a, err := npy.Read(filepath.Join(alone, r.Map))
		if err != nil {
			t.Fatal(err)
		}
		_, b, err := npy.Read(filepath.Join(out, mapsDir, "layercam", strings.TrimPrefix(r.Map, mapsDir)))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a, b) {
			t.Errorf("%s: another map than among three methods", r.Map)
		}
	}

	// What a kill leaves is cleared, in all folders.
	s.Method = "layercam,gradcam,saliency"
	for _, name := range []string{"", partsDir, mapsDir + "/gradcam/can", overlaysDir + "/saliency/box", sheetsDir, sheetsDir + "/can"} {
		write(t, filepath.Join(out, name, ".partial-x-123"), "half")
	}
	explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: s})
}

// Every method of the table gives every image a row with its files.
func TestExplainEveryMethod(t *testing.T) {
	dir := photos(t, 2)
	var names []string
	for _, m := range Methods() {
		names = append(names, m.Name)
		if m.Paper == "" {
			t.Errorf("%s names no paper", m.Name)
		}
	}
	s := settings()
	s.Method, s.Samples = strings.Join(names, ","), 8
	out := filepath.Join(t.TempDir(), "out")
	_, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: s})
	seen := map[string]int{}
	for _, r := range rows {
		seen[r.Method]++
		shape, _, err := npy.Read(filepath.Join(out, r.Map))
		if err != nil || len(shape) != 2 || r.Status == string(explain.NonFinite) {
			t.Errorf("%s: status %s, map %v, %v", r.Method, r.Status, shape, err)
		}
	}
	for _, name := range names {
		if seen[name] != 2 {
			t.Errorf("%s: %d rows of 2 images", name, seen[name])
		}
	}
	if len(seen) != len(names) {
		t.Errorf("%d methods for %d names: %v", len(seen), len(names), seen)
	}
}

// Whatever setting is another one is named when a folder is refused.
func TestDifferenceNamesEverySetting(t *testing.T) {
	for f := range reflect.TypeFor[Settings]().Fields() {
		if f.Name == "Format" {
			continue
		}
		a, b := settings(), settings()
		switch v := reflect.ValueOf(&b).Elem().FieldByIndex(f.Index); v.Kind() {
		case reflect.String:
			v.SetString("other")
		case reflect.Float64:
			v.SetFloat(0.123)
		case reflect.Int, reflect.Int64:
			v.SetInt(123)
		case reflect.Uint64:
			v.SetUint(123)
		default:
			t.Fatalf("%s is a %s", f.Name, v.Kind())
		}
		name := strings.ReplaceAll(f.Tag.Get("json"), "_", "-")
		if got := difference(a, b); !strings.HasPrefix(got, name+" ") || !strings.HasSuffix(got, ", not other") && !strings.HasSuffix(got, "123") {
			t.Errorf("another %s: %q", f.Name, got)
		}
	}
}

// The gradient of a probability is another one than that of a logit: by the
// chain rule through the softmax, it has all other classes in it.
func TestExplainScore(t *testing.T) {
	dir := photos(t, 4)
	s := settings()
	s.Score = explain.Probability
	probability := filepath.Join(t.TempDir(), "p")
	_, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: probability, Settings: s})
	logit := filepath.Join(t.TempDir(), "l")
	explained(t, ExplainOptions{Paths: []string{dir}, Out: logit})
	for _, r := range rows {
		if *r.Score != r.Probabilities[r.Predicted] {
			t.Errorf("%s: score %g, probability %g", r.Image, *r.Score, r.Probabilities[r.Predicted])
		}
		_, p, err := npy.Read(filepath.Join(probability, r.Map))
		if err != nil {
			t.Fatal(err)
		}
		_, l, err := npy.Read(filepath.Join(logit, r.Map))
		if err != nil {
			t.Fatal(err)
		}
		if slices.Equal(p, l) {
			t.Errorf("%s: the maps are the same", r.Image)
		}
	}
}

// How many images go through the model together changes nothing, nor whether
// their pixels are kept until the overlay is drawn.
func TestExplainBatches(t *testing.T) {
	dir := photos(t, 15)
	out := map[int]string{}
	var rows []Row
	for _, batch := range []int{1, 7} {
		s := settings()
		s.Batch = batch
		out[batch] = filepath.Join(t.TempDir(), "out")
		_, rows = explained(t, ExplainOptions{Paths: []string{dir}, Out: out[batch], Settings: s})
	}
	for _, r := range rows {
		_, a, err := npy.Read(filepath.Join(out[1], r.Map))
		if err != nil {
			t.Fatal(err)
		}
		_, b, err := npy.Read(filepath.Join(out[7], r.Map))
		if err != nil {
			t.Fatal(err)
		}
		scale := max(math.Abs(float64(*r.RawMin)), math.Abs(float64(*r.RawMax)))
		for i := range a {
			if math.Abs(float64(a[i]-b[i])) > 1e-5*scale {
				t.Errorf("%s: %g alone, %g among seven, in a map up to %g", r.Map, a[i], b[i], scale)
				break
			}
		}
	}

	keep := keepPixels
	defer func() { keepPixels = keep }()
	keepPixels = 2 * 40 * 30 // two images of a shard
	s := settings()
	s.Batch = 7
	again := filepath.Join(t.TempDir(), "out")
	explained(t, ExplainOptions{Paths: []string{dir}, Out: again, Settings: s})
	sameFiles(t, again, out[7])
}

func TestExplainRefusals(t *testing.T) {
	dir := photos(t, 4)
	out := filepath.Join(t.TempDir(), "out")
	explained(t, ExplainOptions{Paths: []string{dir}, Out: out})
	other := tiny()
	other.Training.Epochs, other.Seed = 1, 5
	run, err := train(t, TrainOptions{Experiment: other})
	if err != nil {
		t.Fatal(err)
	}
	half := interrupt(t, TrainOptions{Experiment: tiny()}, 12)
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "something")
	before := tree(t, out)
	fingerprints := []string{must(fingerprint(trained(t).Dir)), must(fingerprint(run.Dir))}
	var names []string
	for _, m := range Methods() {
		names = append(names, m.Name)
	}
	methods := strings.Join(names, ", ")
	for _, test := range []struct {
		change func(*ExplainOptions)
		want   string
	}{
		{func(o *ExplainOptions) { o.Settings.Layer = "conv1" }, out + " holds explanations made with layer conv5, not conv1; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.Class = "can" }, out + " holds explanations made with class predicted, not can; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.Score = "probability" }, out + " holds explanations made with score by default, not probability; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.Batch = 5 }, out + " holds explanations made with batch 4, not 5; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.Alpha = 0.5 }, out + " holds explanations made with alpha 0.4, not 0.5; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.ColorMap = "viridis" }, out + " holds explanations made with colormap jet, not viridis; name a new folder"},
		{func(o *ExplainOptions) { o.Machine.Limits.MaxPixels = 9 }, out + " holds explanations made with max-pixels 100000000, not 9; name a new folder"},
		{func(o *ExplainOptions) { o.Model = run.Dir }, out + " holds explanations made with model " + fingerprints[0] + ", not " + fingerprints[1] + "; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.Method = "gradcam,saliency" }, out + " holds explanations made with method gradcam, not gradcam,saliency; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.Samples = 9 }, out + " holds explanations made with samples 0, not 9; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.Seed = 2 }, out + " holds explanations made with seed 1, not 2; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.Method = "camcam" }, `no method "camcam"; have ` + methods},
		{func(o *ExplainOptions) { o.Settings.Method = "" }, `no method ""; have ` + methods},
		{func(o *ExplainOptions) { o.Settings.Method = "gradcam,lime,gradcam" }, "method gradcam is named twice"},
		{func(o *ExplainOptions) { o.Settings.Samples = -1 }, "samples is -1, want at least 1, or 0 for each method's own"},
		{func(o *ExplainOptions) { o.Settings.SignedColorMap = "pink" }, `no colour map "pink"; have jet, viridis, turbo, inferno, gray, rdbu_r, seismic`},
		{func(o *ExplainOptions) { o.Settings.Layer = "conv9" }, `no layer "conv9"; have conv1, relu1, bn1, conv5, relu5, pool5`},
		{func(o *ExplainOptions) { o.Settings.Layer = "fc1" }, `layer "fc1" gives [16], not a map [height,width,channels]; have conv1, relu1, bn1, conv5, relu5, pool5`},
		{func(o *ExplainOptions) { o.Settings.Class = "glass" }, `no class "glass"; have bottle, box, can, paper, roll, tray, or predicted, true, all`},
		{func(o *ExplainOptions) { o.Settings.Score = "loss" }, `no score "loss"; have logit, probability`},
		{func(o *ExplainOptions) { o.Settings.Batch = 0 }, "batch is 0, want at least 1"},
		{func(o *ExplainOptions) { o.Settings.Alpha = 1.5 }, "alpha is 1.5, want above 0 to 1"},
		{func(o *ExplainOptions) { o.Settings.ColorMap = "pink" }, `no colour map "pink"; have jet, viridis, turbo, inferno, gray, rdbu_r, seismic`},
		{func(o *ExplainOptions) {
			o.Settings.Class = TargetTrue
			o.Paths = []string{shapes(t), dir + "/can", file}
		}, file + `: its folder should be its class: no class "` + filepath.Base(filepath.Dir(file)) + `"; have bottle, box, can, paper, roll, tray`},
		{func(o *ExplainOptions) { o.Paths = []string{dir, "none"} }, `cannot read "none": no such file or directory`},
		{func(o *ExplainOptions) { o.Model = "none" }, "no model at none: want a run folder or a SavedModel folder"},
		{func(o *ExplainOptions) { o.Model = dir }, dir + " is neither a run folder (experiment.json) nor a SavedModel (saved_model.pb)"},
		{func(o *ExplainOptions) { o.Model = half }, "run " + half + ` has no saved_model yet: training is not finished; go on with "oscar train --resume ` + half + `", or take the best epoch so far with "oscar export"`},
		{func(o *ExplainOptions) { o.Out = run.Dir }, run.Dir + " holds another run; go on with it by --resume " + run.Dir + ", or name a new folder"},
		{func(o *ExplainOptions) { o.Out = dir }, dir + " is not empty; name a new folder"},
		{func(o *ExplainOptions) { o.Out = file }, file + " cannot be a folder for results: not a directory; name a new folder"},
		{func(o *ExplainOptions) { o.Out = file + "/out" }, file + "/out cannot be a folder for results: not a directory; name a new folder"},
		{func(o *ExplainOptions) { o.Out = "/proc/none/out" }, "cannot make the folder /proc/none/out: no such file or directory"},
	} {
		o := ExplainOptions{Paths: []string{dir}, Out: out, Settings: settings()}
		test.change(&o)
		_, err := tryExplain(t, &o)
		wantError(t, err, test.want)
	}
	held, err := lock(out)
	if err != nil {
		t.Fatal(err)
	}
	_, err = tryExplain(t, &ExplainOptions{Paths: []string{dir}, Out: out})
	wantError(t, err, out+" is in use by another oscar")
	held.Close()
	if after := tree(t, out); !maps.Equal(before, after) {
		t.Error("the folder was changed")
	}
}

// A file that is changed between being read and being drawn keeps its row.
func TestExplainChangedFile(t *testing.T) {
	bundle, err := Open(trained(t).Dir, oneThread.Threads)
	if err != nil {
		t.Fatal(err)
	}
	defer bundle.Close()
	s := settings()
	s.Layer = "conv5"
	x, err := NewExplainer(bundle, s, dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	dir := photos(t, 1)
	path := filepath.Join(dir, "can", "000.png")
	shard := Shard{Root: dir, Images: []string{path}}
	pictures, images, err := x.read(t.Context(), shard)
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if err := x.explain(t.Context(), shard, out, pictures, images, nil); err != nil {
		t.Fatal(err)
	}
	write(t, path, "other")
	rows, err := x.draw(t.Context(), shard, out, pictures[0].rows, nil)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	r := rows[0]
	if r.Status != Unreadable || !strings.HasPrefix(r.Reason, "changed while it was explained: ") || r.Map != "" || r.SHA256 == "" || r.Image != path {
		t.Errorf("%+v", r)
	}
	if files := tree(t, out); len(files) > 0 {
		t.Errorf("%d files are left", len(files))
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
		writePNG(t, filepath.Join(dir, fmt.Sprintf("%d.png", i)), img)
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
		if !exists(filepath.Join(out, r.Overlay)) || !exists(filepath.Join(out, r.Map)) {
			t.Errorf("%s: a %s map has no files", r.Image, r.Status)
		}
	}
}

// The peak of memory does not depend on the number of images, and no goroutine
// is left.
func TestExplainMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	dir := t.TempDir()
	first := filepath.Join(dir, "000.png")
	img := image.NewRGBA(image.Rect(0, 0, 256, 192))
	for i := range img.Pix {
		img.Pix[i] = uint8(i / 64)
	}
	writePNG(t, first, img) // 192 KiB decoded
	for i := 1; i < 600; i++ {
		if err := os.Link(first, filepath.Join(dir, fmt.Sprintf("%03d.png", i))); err != nil {
			t.Fatal(err)
		}
	}
	few := t.TempDir()
	for i := range 100 {
		if err := os.Link(first, filepath.Join(few, fmt.Sprintf("%03d.png", i))); err != nil {
			t.Fatal(err)
		}
	}
	peak := func(dir string) (kib int) {
		j := job{Model: trained(t).Dir, Paths: []string{dir}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings()}
		cmd, output := j.command(t)
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		var rows int
		if _, err := fmt.Sscan(output.String(), &rows, &kib); err != nil || rows < 100 {
			t.Fatalf("%q: %v", output, err)
		}
		return kib
	}
	some, many := peak(few), peak(dir)
	t.Logf("peak of 100 images %d MiB, of 600 %d MiB", some>>10, many>>10)
	if many > some+32<<10 {
		t.Errorf("the peak grows from %d to %d MiB", some>>10, many>>10)
	}
}

func TestExplainLeavesNoGoroutine(t *testing.T) {
	dir := photos(t, 20)
	explained(t, ExplainOptions{Paths: []string{dir}}) // TensorFlow's own
	before := runtime.NumGoroutine()
	for range 3 {
		explained(t, ExplainOptions{Paths: []string{dir}})
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines, before %d\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}
