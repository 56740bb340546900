package instance

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/checksum"
	"oscar/internal/npy"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/methods"
	"oscar/result"
	"oscar/run"
	"oscar/tfmodel"
)

// Drawing has the settings for drawing maps.
type Drawing = result.Drawing

// IsExplained reports whether dir is a folder of explanations of objects.
func IsExplained(dir string) bool { return result.IsOfDetector(dir, result.SettingsFile) }

// DrawOptions are the options of [Draw]. A zero setting keeps the folder's.
type DrawOptions struct {
	Dir      string // of explanations of objects
	Drawing  Drawing
	Machine  run.Machine
	Listener run.Listener
	Progress func(run.Progress) // may be nil; also called within a picture
}

// DrawSummary summarizes a [Draw].
type DrawSummary struct{ Pictures, Maps int }

// Draw draws the pictures, overlays and sheets of a folder of explanations again, from the saved
// maps and without the model. The source pictures must still be at their paths.
func Draw(ctx context.Context, o DrawOptions) (_ *DrawSummary, err error) {
	if !paths.Exists(filepath.Join(o.Dir, result.ManifestFile)) {
		return nil, fmt.Errorf("%s has no %s: the explanations are not finished; make them again with \"oscar explain\"", o.Dir, result.ManifestFile)
	}
	folder, err := resultdir.Open(o.Dir, resultdir.Kind{Mark: result.ManifestFile})
	if err != nil {
		return nil, err
	}
	defer run.Release(ctx, folder, &err)
	settings, err := result.ReadObjectSettings(o.Dir)
	if err != nil {
		return nil, err
	}
	rows, err := result.ReadObjects(o.Dir)
	if err != nil {
		return nil, err
	}
	if len(settings.Input) != 2 || len(rows) > 0 && rows[0].File == "" {
		return nil, fmt.Errorf("an older oscar made %s, and the places of its pictures are not known; make it again with \"oscar explain\"", o.Dir)
	}
	if s := settings.Input; min(s[0], s[1]) < 1 || max(s[0], s[1]) > 4096 {
		return nil, fmt.Errorf("%s: input is %v, want two sides of 1 to 4096 pixels", filepath.Join(o.Dir, result.SettingsFile), s)
	}
	set := &settings.Drawing
	set.ColorMap, set.Alpha = cmp.Or(o.Drawing.ColorMap, set.ColorMap), cmp.Or(o.Drawing.Alpha, set.Alpha)
	set.SignedColorMap, set.SignedAlpha = cmp.Or(o.Drawing.SignedColorMap, set.SignedColorMap), cmp.Or(o.Drawing.SignedAlpha, set.SignedAlpha)
	set.Scale = cmp.Or(o.Drawing.Scale, set.Scale)
	j := &redrawing{DrawOptions: o, input: tfmodel.Shape{settings.Input[0], settings.Input[1], 3}, summary: &DrawSummary{}}
	pictures := slices.Collect(chunks(rows))
	methods := methodsIn(rows)
	if j.painter, err = newPainter(o.Dir, *set, len(methods) > 1); err != nil {
		return nil, err
	}
	if set.Scale == result.ScaleShared {
		if err := j.share(ctx, rows); err != nil {
			return nil, err
		}
	}
	for _, some := range pictures { // before anything is changed
		if !paths.Exists(some[0].File) {
			return nil, fmt.Errorf("%s is not where it was, and the maps are drawn over it", some[0].File)
		}
	}
	if err := checksum.Remove(o.Dir, drawings(rows)...); err != nil { // they change
		return nil, err
	}
	if err := checksum.WriteJSON(o.Dir, result.SettingsFile, settings); err != nil {
		return nil, err
	}
	o.Listener.Stage("drawing")
	tracker := run.NewTracker(o.Progress, o.Listener.Count, len(pictures))
	for _, some := range pictures {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w; the same command draws all pictures", run.ErrInterrupted)
		}
		share, end := tracker.Shard(1)
		if err := j.picture(some, &effort{share: share}); err != nil {
			return nil, err
		}
		end()
	}
	return j.summary, checksum.Update(o.Dir, j.files...)
}

// redrawing is a running Draw.
type redrawing struct {
	DrawOptions
	input   tfmodel.Shape
	painter *painter
	files   []string
	summary *DrawSummary
}

// chunks yields the rows of one picture after another.
func chunks(rows []Row) func(yield func([]Row) bool) {
	return func(yield func([]Row) bool) {
		for first := 0; first < len(rows); {
			end := first + 1
			for end < len(rows) && rows[end].ImageID == rows[first].ImageID {
				end++
			}
			if !yield(rows[first:end]) {
				return
			}
			first = end
		}
	}
}

// methodsIn lists the methods of rows.
func methodsIn(rows []Row) (list []methods.At) {
	for _, r := range rows {
		if at := (methods.At{Method: r.Method, Layer: r.Layer}); !slices.Contains(list, at) {
			list = append(list, at)
		}
	}
	return list
}

// drawings lists the files that are drawn.
func drawings(rows []Row) (names []string) {
	for _, r := range rows {
		names = append(names, r.Overlay)
	}
	for some := range chunks(rows) {
		names = append(names, outlinedFile(some[0].ImageID), "sheets/"+stemOf(some[0].ImageID)+".png")
	}
	return names
}

// share finds the largest value of each method, for a shared scale.
func (j *redrawing) share(ctx context.Context, rows []Row) error {
	j.painter.full = map[methods.At]float32{}
	for _, r := range rows {
		if ctx.Err() != nil {
			return run.ErrInterrupted
		}
		grid, err := j.read(r)
		if err != nil {
			return err
		}
		at := methods.At{Method: r.Method, Layer: r.Layer}
		if r.Status == explain.OK {
			j.painter.full[at] = max(j.painter.full[at], heatmap.Scale(grid, 100, j.painter.drawsNegative(r.Method)))
		}
	}
	return nil
}

// read reads the map of a row.
func (j *redrawing) read(r Row) (explain.Grid, error) {
	data, err := checksum.ReadFile(j.Dir, r.Map)
	if err != nil {
		return explain.Grid{}, err
	}
	shape, values, err := npy.Decode(data)
	if err == nil && (len(shape) != 2 || shape[0] < 1 || shape[1] < 1) {
		err = fmt.Errorf("the shape is %v, want [height,width]", shape)
	}
	if err != nil {
		return explain.Grid{}, fmt.Errorf("%s: %w", filepath.Join(j.Dir, r.Map), err)
	}
	return explain.Grid{Height: shape[0], Width: shape[1], Values: values}, nil
}

// picture draws the maps of one picture.
func (j *redrawing) picture(rows []Row, effort *effort) error {
	effort.expect(float64(1 + len(rows))) // with the outlines
	img, err := dataset.DecodeFile(rows[0].File, j.Machine.Limits)
	if err != nil {
		return err
	}
	p := fit(img, j.input)
	var shapes []shape
	for _, r := range rows {
		if n := len(shapes); n > 0 && shapes[n-1].object == r.Object {
			continue
		}
		m, err := r.Segmentation.Mask(img.Rect.Dy(), img.Rect.Dx())
		if err != nil {
			return fmt.Errorf("%s has another size than when it was explained: %w", r.File, err)
		}
		shapes = append(shapes, shape{r.Object, r.Box, m.Pixels()})
	}
	c, err := j.painter.canvas(img, rows[0].ImageID, shapes)
	if err != nil {
		return err
	}
	effort.spend(1)
	for _, r := range rows {
		raw, err := j.read(r)
		if err != nil {
			return err
		}
		if err := c.add(r, onPicture(raw, j.input[0], j.input[1], p)); err != nil {
			return err
		}
		j.summary.Maps++
		effort.spend(1)
	}
	j.summary.Pictures++
	err = c.close()
	j.files = append(j.files, c.files...)
	return err
}
