package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/npy"
	"oscar/savedmodel"
)

// Explainer explains shards of images with one opened model. It holds no other
// state and may be used from several goroutines.
type Explainer struct {
	bundle   *savedmodel.Bundle
	settings Settings
	methods  []explain.Explainer
	colors   map[string]heatmap.ColorMap // by method
	limits   dataset.Limits
	target   int // explain.Predicted, a class, or unused
}

// NewExplainer checks the settings against the model. Images beyond the limits
// are unreadable.
func NewExplainer(bundle *savedmodel.Bundle, s Settings, limits dataset.Limits) (*Explainer, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if err := bundle.CheckLayer(s.Layer); err != nil {
		return nil, err
	}
	x := &Explainer{bundle: bundle, settings: s, limits: limits, colors: map[string]heatmap.ColorMap{}, target: explain.Predicted}
	methods, err := s.methods()
	if err != nil {
		return nil, err
	}
	for _, m := range methods {
		name := s.ColorMap
		if m.Signed {
			name = s.SignedColorMap
		}
		if x.colors[m.Name], err = heatmap.LookupColorMap(name); err != nil {
			return nil, err
		}
	}
	if x.methods, err = s.explainers(bundle); err != nil {
		return nil, err
	}
	switch s.Class {
	case TargetPredicted, TargetTrue, TargetAll:
	default:
		if x.target, err = bundle.Metadata.Class(s.Class); err != nil {
			return nil, fmt.Errorf("%w, or predicted, true, all", err)
		}
	}
	return x, nil
}

// truth is the class that an image's folder is named after.
func (x *Explainer) truth(path string) (int, error) {
	class, err := x.bundle.Metadata.Class(filepath.Base(filepath.Dir(path)))
	if err != nil {
		return 0, fmt.Errorf("%s: its folder should be its class: %w", path, err)
	}
	return class, nil
}

// picture is an image on its way through a shard.
type picture struct {
	row    Row
	path   string
	pixels *image.RGBA // nil: too large to keep, or unreadable
	input  []uint8
}

// keepPixels is how many pixels of decoded images a shard keeps until the
// overlays are drawn; images beyond are decoded a second time.
var keepPixels = 16_000_000 // a test lowers it

// Shard explains a shard's images and writes their overlays and maps below
// out; last, in one step, its part of the manifest: the mark that it is done.
// It depends on the model, the settings and the shard alone.
func (x *Explainer) Shard(ctx context.Context, s Shard, out string) error {
	pictures := make([]*picture, len(s.Images))
	var readable []*picture
	kept := 0
	for i, path := range s.Images {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := x.read(path)
		if err != nil {
			return err
		}
		pictures[i] = p
		if p.row.Status == Unreadable {
			continue
		}
		readable = append(readable, p)
		if kept += len(p.pixels.Pix) / 4; kept > keepPixels {
			p.pixels = nil
		}
	}
	rows, sheets := map[*picture][]Row{}, sheets{}
	if len(readable) > 0 {
		if err := x.explain(ctx, readable, func(p *picture, a explain.Attribution, probabilities []float32) error {
			r, err := x.write(ctx, s, p, a, probabilities, out, sheets)
			rows[p] = append(rows[p], r)
			return err
		}); err != nil {
			return err
		}
	}
	if err := sheets.write(out); err != nil {
		return err
	}
	var part bytes.Buffer
	encoder := json.NewEncoder(&part)
	encoder.SetEscapeHTML(false)
	for _, p := range pictures {
		if len(rows[p]) == 0 {
			rows[p] = []Row{p.row}
		}
		for _, r := range rows[p] {
			if err := encoder.Encode(r); err != nil {
				return err
			}
		}
	}
	return atomicfile.Write(filepath.Join(out, partsDir, s.name()), part.Bytes())
}

// read decodes a file and makes it the model's input. What is wrong with the
// file becomes its status.
func (x *Explainer) read(path string) (*picture, error) {
	p := &picture{path: path, row: Row{Image: path, Layer: x.settings.Layer, Method: x.settings.Method}}
	data, err := dataset.ReadFile(path, x.limits)
	if err == nil && !utf8.ValidString(path) {
		err = fmt.Errorf("its name is not valid UTF-8: %q", path)
	}
	if err == nil {
		sum := sha256.Sum256(data)
		p.row.SHA256 = hex.EncodeToString(sum[:])
		p.pixels, err = dataset.Decode(data, x.limits)
	}
	if err != nil {
		p.row.Status, p.row.Reason = Unreadable, err.Error()
		return p, nil
	}
	in := x.bundle.Metadata.Image
	how, err := dataset.ParseInterpolation(in.Interpolation)
	if err != nil {
		return nil, fmt.Errorf("the model's metadata: %w", err)
	}
	p.input = make([]uint8, in.Height*in.Width*3)
	dataset.CopyRGB(p.input, dataset.Resize(p.pixels, in.Height, in.Width, how))
	return p, nil
}

// explain runs the model and calls each for every image and target.
func (x *Explainer) explain(ctx context.Context, pictures []*picture, each func(*picture, explain.Attribution, []float32) error) error {
	in := x.bundle.Metadata.Image
	images := explain.Images{N: len(pictures), Height: in.Height, Width: in.Width, Channels: 3}
	images.Pixels = make([]float32, 0, len(pictures)*in.Height*in.Width*3)
	for _, p := range pictures {
		for _, v := range p.input {
			images.Pixels = append(images.Pixels, float32(v))
		}
		p.input = nil
	}
	targets, err := x.targets(pictures)
	if err != nil {
		return err
	}
	for _, t := range targets {
		for _, m := range x.methods {
			attributions, err := m.Explain(ctx, images, t)
			if err != nil {
				return err
			}
			many := len(attributions) / len(pictures) // a CAM explainer does several methods
			for i, a := range attributions {
				if err := each(pictures[i/many], a, a.Probabilities); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// targets lists, for each run of the model, a class an image.
func (x *Explainer) targets(pictures []*picture) ([][]int, error) {
	same := func(class int) []int { return slices.Repeat([]int{class}, len(pictures)) }
	switch x.settings.Class {
	case TargetAll:
		all := make([][]int, len(x.bundle.Metadata.Classes))
		for c := range all {
			all[c] = same(c)
		}
		return all, nil
	case TargetTrue:
		truth := make([]int, len(pictures))
		for i, p := range pictures {
			var err error
			if truth[i], err = x.truth(p.path); err != nil {
				return nil, err
			}
		}
		return [][]int{truth}, nil
	}
	return [][]int{same(x.target)}, nil
}

// write writes one explanation's files and returns its row.
func (x *Explainer) write(ctx context.Context, s Shard, p *picture, a explain.Attribution, probabilities []float32, out string, sheets sheets) (Row, error) {
	if err := ctx.Err(); err != nil {
		return Row{}, err
	}
	pixels := p.pixels
	if pixels == nil {
		var err error
		if pixels, err = dataset.DecodeFile(p.path, x.limits); err != nil {
			r := p.row
			r.Status, r.Reason = Unreadable, fmt.Sprintf("changed while it was explained: %v", err)
			return r, nil
		}
	}
	classes := x.bundle.Metadata.Classes
	r := p.row
	r.Layer, r.Method = a.Layer, a.Method
	r.Status, r.Reason = string(a.Status), reason(a.Status)
	r.Predicted, r.Target, r.Score = classes[argmax(probabilities)], classes[a.Target], finite(a.Score)
	r.Probabilities = map[string]float32{}
	for i, v := range probabilities {
		if finite(v) != nil {
			r.Probabilities[classes[i]] = v
		}
	}
	low, high := a.Map.Range()
	r.RawMin, r.RawMax = finite(low), finite(high)

	rel, err := filepath.Rel(s.Root, absolute(p.path))
	if err != nil {
		return r, err
	}
	if x.settings.Class == TargetAll {
		rel += "." + r.Target
	}
	rel = shortened(rel)
	if len(x.colors) > 1 { // of several methods, each has a folder of its own
		r.Sheet = filepath.Join(sheetsDir, rel+".jpg")
		rel = filepath.Join(a.Method, rel)
	}
	r.Map = filepath.Join(mapsDir, rel+".npy")
	r.Overlay = filepath.Join(overlaysDir, rel+".overlay.jpg")
	for _, name := range []string{r.Map, r.Overlay} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(out, name)), 0o777); err != nil {
			return r, err
		}
	}
	if err := npy.Write(filepath.Join(out, r.Map), []int{a.Map.Height, a.Map.Width}, a.Map.Values); err != nil {
		return r, err
	}
	overlay := heatmap.Overlay(pixels, heatmap.Options{
		Heat: a.Map, Map: x.colors[a.Method], Alpha: x.settings.Alpha,
		Title: fmt.Sprintf("%s %.2f", r.Predicted, probabilities[argmax(probabilities)]),
		Note:  fmt.Sprintf("%s %s, target %s", a.Method, a.Layer, r.Target),
	})
	if r.Sheet != "" {
		sheets.add(r, pixels, overlay)
	}
	return r, heatmap.WriteJPEG(filepath.Join(out, r.Overlay), overlay)
}

// shortened leaves room for a suffix within the 255 bytes that file systems
// give a name.
func shortened(path string) string {
	const most, kept = 200, 160
	dir, name := filepath.Split(path)
	if len(name) <= most {
		return path
	}
	h := sha256.Sum256([]byte(name))
	return dir + strings.ToValidUTF8(name[:kept], "") + "-" + hex.EncodeToString(h[:8])
}
