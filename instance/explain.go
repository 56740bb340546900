package instance

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/explain"
	"oscar/instance/coco"
	"oscar/instance/maskrcnn"
	"oscar/internal/checksum"
	"oscar/internal/npy"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/methods"
	"oscar/result"
	"oscar/run"
)

// ExplainOptions are the options of [Explain].
type ExplainOptions struct {
	Run      string
	Paths    []string
	Part     string
	Out      string
	Method   string        // a list as methods.Parse reads it, also with d-rise; "": hirescam
	Layer    string        // of the backbone; "": the run's
	Score    explain.Score // "": each method's default
	Samples  int
	Seed     uint64
	Least    float64 // the minimum score of a detection
	Machine  run.Machine
	Listener run.Listener
	Progress func(run.Progress) // may be nil; also called within a picture
}

// Row is a line of manifest.jsonl: a map of an object.
type Row = result.ObjectRow

// ExplainSummary summarizes an [Explain].
type ExplainSummary struct {
	Images, Objects, Maps int
	Statuses              map[string]int // number of maps by status
	Unreadable            []dataset.Problem
	Methods               []MethodHeat
	Control               result.HeatSum // of maps that are 1 within the box; boxes without a pixel are left out
}

// MethodHeat has the means of [result.Heat] over a method's maps with a positive value.
type MethodHeat struct {
	Method methods.At
	result.HeatSum
}

// perRow is the number of tiles in a row of a sheet if there is one method.
const perRow = 4

// folders are the folders of an explanation. They are empty at the start.
var folders = []string{"maps", "overlays", "sheets", "pictures"}

var explained = resultdir.Kind{Mark: result.ManifestFile, Early: append([]string{result.SettingsFile, result.CommandFile, checksum.File}, folders...)}

// Explain writes a map for each detected object: which pixels are evidence for this class in this
// box? Box and pyramid level are fixed, and the logit of the class is explained. If Out has the
// complete explanations of the same call, Explain returns their summary. If they are incomplete, it
// starts again.
func Explain(ctx context.Context, o ExplainOptions) (_ *ExplainSummary, err error) {
	r, d, epoch, err := open(ctx, o.Run, o.Machine)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	list, err := r.methodsOf(o.Method, o.Layer)
	if err != nil {
		return nil, err
	}
	pictures, _, err := r.pictures(ctx, o.Paths, o.Part)
	if err != nil {
		return nil, err
	}
	folder, err := resultdir.Open(o.Out, explained)
	if err != nil {
		return nil, err
	}
	defer run.Release(ctx, folder, &err)
	settings, err := r.settings(epoch, o, pictures)
	if err != nil {
		return nil, err
	}
	j := &explaining{ExplainOptions: o, run: r, detector: d, methods: list, summary: &ExplainSummary{Statuses: map[string]int{}}}
	for _, at := range list {
		j.summary.Methods = append(j.summary.Methods, MethodHeat{Method: at})
	}
	if folder.Resumed {
		return j.finished(settings, pictures)
	}
	if err := clear(o.Out, explained); err != nil {
		return nil, err
	}
	for _, name := range folders {
		if err := os.Mkdir(filepath.Join(o.Out, name), 0o777); err != nil {
			return nil, err
		}
	}
	if err := checksum.WriteJSON(o.Out, result.SettingsFile, settings); err != nil {
		return nil, err
	}
	if j.painter, err = newPainter(o.Out, result.Drawing{}, len(list) > 1); err != nil {
		return nil, err
	}
	o.Listener.Stage("explaining")
	tracker := run.NewTracker(o.Progress, o.Listener.Count, len(pictures))
	err = pictures.each(ctx, d, o.Machine, run.Listener{}, func(e entry, p picture, found []maskrcnn.Detection) error {
		share, end := tracker.Shard(1)
		if err := j.explain(ctx, e, p, found, &effort{share: share}); err != nil {
			return err
		}
		end()
		return nil
	}, func(path string, err error) {
		_, end := tracker.Shard(1)
		end()
		j.summary.Unreadable = append(j.summary.Unreadable, dataset.Problem{Path: path, Reason: err.Error()})
	})
	if err != nil {
		return nil, err
	}
	if err := checksum.Update(o.Out, j.files...); err != nil {
		return nil, err
	}
	return j.summary.mean(), checksum.Write(o.Out, result.ManifestFile, j.rows.Bytes()) // last: the manifest marks complete results
}

// add counts a map of the method with that index.
func (s *ExplainSummary) add(method int, r Row) {
	s.Maps++
	s.Statuses[string(r.Status)]++
	s.Methods[method].Add(r.Heat)
}

// mean divides the sums of heat by the number of maps.
func (s *ExplainSummary) mean() *ExplainSummary {
	for i := range s.Methods {
		s.Methods[i].HeatSum = s.Methods[i].Mean()
	}
	s.Control = s.Control.Mean()
	return s
}

// settings returns the settings of explanations by the weights of an epoch.
func (r *Run) settings(epoch int, o ExplainOptions, list pictures) (result.ObjectSettings, error) {
	inputs, err := r.inputs(epoch, list, o.Machine)
	return result.ObjectSettings{
		Format: 1, Task: Task, Inputs: inputs, Model: r.Experiment.Detector.Name, Epoch: epoch, Method: cmp.Or(o.Method, DefaultMethod), Layer: cmp.Or(o.Layer, r.Experiment.Explain),
		Score: o.Score, Samples: o.Samples, Seed: o.Seed, Least: o.Least, Input: []int(r.Experiment.Detector.Input[:2]),
	}, err
}

// explaining is a running Explain.
type explaining struct {
	ExplainOptions
	run      *Run
	detector *maskrcnn.Detector
	painter  *painter
	methods  []methods.At
	rows     bytes.Buffer
	files    []string
	summary  *ExplainSummary
}

// object is a detection in pixels of its picture.
type object struct {
	maskrcnn.Detection
	result coco.Result
	pixels []uint8 // of the mask
}

// objectsOf returns the detections with a score of least or more.
func objectsOf(found []maskrcnn.Detection, p picture, least float64) (objects []object) {
	found = slices.DeleteFunc(slices.Clone(found), func(f maskrcnn.Detection) bool { return f.Score < least })
	for i, r := range resultsOf(found, p) {
		objects = append(objects, object{found[i], r, r.Segmentation.Runs.Pixels()})
	}
	return objects
}

// explain explains the objects of one picture.
func (j *explaining) explain(ctx context.Context, e entry, p picture, found []maskrcnn.Detection, effort *effort) error {
	j.summary.Images++
	m := e.image
	objects := objectsOf(found, p, j.Least)
	j.summary.Objects += len(objects)
	if len(objects) == 0 {
		return nil
	}
	classes := j.run.Experiment.Data.Classes
	shapes := make([]shape, len(objects))
	for k, o := range objects {
		shapes[k] = shape{k + 1, o.result.Box, o.pixels}
	}
	input := j.detector.Architecture.Input
	picture := drawing(len(p.Image.Pix)/4, input[0]*input[1])
	effort.expect(picture * float64(1+len(objects)*(1+len(j.methods)))) // the outlines; for each object its control and its maps
	c, err := j.painter.canvas(p.Image, m.ID, shapes)
	if err != nil {
		return err
	}
	images := explain.Images{N: 1, Height: input[0], Width: input[1], Channels: 3, Pixels: p.floats()}
	explainers, err := explainers(ctx, j.detector, images, objects, j.methods, explain.Options{Score: j.Score, Samples: j.Samples, Seed: j.Seed}, effort)
	if err != nil {
		return fmt.Errorf("%s: %w", m.FileName, err)
	}
	effort.spend(picture)
	for k, o := range objects {
		control := controlOf(k, objects, p)
		j.summary.Control.Add(control)
		effort.spend(picture)
		for i, at := range j.methods {
			out, err := explainers[k][i].Explain(ctx, images, []int{o.Class})
			if err != nil {
				return fmt.Errorf("%s, object %d: %s: %w", m.FileName, k+1, at, err)
			}
			name := fmt.Sprintf("%s-%02d", stemOf(m.ID), k+1)
			if len(j.methods) > 1 {
				name += "-" + strings.NewReplacer("/", "_", "@", "-").Replace(at.String())
			}
			row := Row{
				Image: m.FileName, File: paths.Absolute(e.path), ImageID: m.ID, Object: k + 1, Class: classes[o.Class], Detection: o.Score, Box: o.result.Box, Segmentation: o.result.Segmentation,
				Method: at.Method, Layer: at.Layer, Score: out[0].Score, Probability: out[0].Probabilities[o.Class], Status: out[0].Status, Facts: out[0].Facts,
				Map: "maps/" + name + ".npy", Overlay: "overlays/" + name + ".png", Picture: outlinedFile(m.ID),
			}
			grid := onPicture(out[0].Map, input[0], input[1], p)
			row.Heat, row.Control = heatOf(grid, k, objects), control
			j.summary.add(i, row)
			if err := c.add(row, grid); err != nil {
				return err
			}
			if err := j.write(row, out[0].Map); err != nil {
				return err
			}
			effort.spend(picture)
		}
	}
	err = c.close()
	j.files = append(j.files, c.files...)
	return err
}

// write writes a map and its row.
func (j *explaining) write(row Row, raw explain.Grid) error {
	if err := npy.Write(filepath.Join(j.Out, row.Map), []int{raw.Height, raw.Width}, raw.Values); err != nil {
		return err
	}
	j.files = append(j.files, row.Map)
	line, err := json.Marshal(row)
	j.rows.Write(append(line, '\n'))
	return err
}

// onPicture removes the padding of a map and resizes it to the picture.
func onPicture(g explain.Grid, height, width int, p picture) explain.Grid {
	size := p.Image.Rect.Size()
	whole := g.Resize(height, width)
	out := explain.NewGrid(size.Y, size.X)
	for y := range size.Y {
		for x := range size.X {
			at := p.Place.Input([4]float64{float64(x) + 0.5, float64(y) + 0.5})
			out.Values[y*size.X+x] = whole.At(min(int(at[1]), height-1), min(int(at[0]), width-1))
		}
	}
	return out
}

// heatOf returns the shares of a map's positive values by region. own is the index of the explained
// object.
func heatOf(g explain.Grid, own int, objects []object) *result.Heat {
	var h result.Heat
	sum, peak := 0.0, 0
	box := objects[own].result.Box
	for i, v := range g.Values {
		if !(v > 0) {
			continue
		}
		sum += float64(v)
		if v > g.Values[peak] {
			peak = i
		}
		y, x := float64(i/g.Width)+0.5, float64(i%g.Width)+0.5
		if x >= box[0] && x < box[0]+box[2] && y >= box[1] && y < box[1]+box[3] {
			h.Box += float64(v)
		}
		switch {
		case objects[own].pixels[i] != 0:
			h.Mask += float64(v)
		case onOther(i, own, objects):
			h.Others += float64(v)
		}
	}
	if sum == 0 {
		return nil
	}
	h.Mask, h.Box, h.Others = h.Mask/sum, h.Box/sum, h.Others/sum
	h.Peak = objects[own].pixels[peak] != 0
	return &h
}

func onOther(pixel, own int, objects []object) bool {
	for k, o := range objects {
		if k != own && o.pixels[pixel] != 0 {
			return true
		}
	}
	return false
}

// controlOf is heatOf for a map that is 1 within the object's box. It returns nil if the box has no
// pixel.
func controlOf(own int, objects []object, p picture) *result.Heat {
	size := p.Image.Rect.Size()
	g := explain.NewGrid(size.Y, size.X)
	box := objects[own].result.Box
	for i := range g.Values {
		y, x := float64(i/size.X)+0.5, float64(i%size.X)+0.5
		if x >= box[0] && x < box[0]+box[2] && y >= box[1] && y < box[1]+box[3] {
			g.Values[i] = 1
		}
	}
	h := heatOf(g, own, objects)
	if h != nil {
		h.Peak = false // a constant map has no largest value
	}
	return h
}

// clone returns a copy of an image.
func clone(img image.Image) *image.RGBA {
	out := image.NewRGBA(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	return out
}
