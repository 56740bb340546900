package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/graph"
	"oscar/internal/npy"
	"oscar/internal/paths"
	"oscar/metric"
	"oscar/savedmodel"
)

// Explainer explains shards of images with one opened model. It holds no other
// state and may be used from several goroutines.
type Explainer struct {
	bundle   *savedmodel.Bundle
	settings Settings
	looks    []look
	groups   [][]look                  // of looks that share an explainer
	passes   []float64                 // about how often each shows the model an image; nil: unknown
	folders  map[look]string           // of maps and overlays
	colors   map[bool]heatmap.ColorMap // by whether a method is signed
	limits   dataset.Limits
	resize   dataset.Interpolation
	jpeg     *graph.JPEG
	origins  origins
	target   int // explain.Predicted, a class, or unused
}

// NewExplainer checks the settings against the model. Images beyond the limits
// are unreadable. It is to be closed.
func NewExplainer(bundle *savedmodel.Bundle, s Settings, limits dataset.Limits) (*Explainer, error) {
	if err := CheckSettings(s); err != nil {
		return nil, err
	}
	x := &Explainer{
		bundle: bundle, settings: s, limits: limits, target: explain.Predicted,
		colors: map[bool]heatmap.ColorMap{},
	}
	var err error
	if x.looks, err = looksOf(s, bundle); err != nil {
		return nil, err
	}
	if _, err = newExplainers(s, bundle); err != nil {
		return nil, err
	}
	x.groups, x.folders = grouped(x.looks), folders(x.looks)
	for signed, name := range map[bool]string{false: s.ColorMap, true: s.SignedColorMap} {
		if x.colors[signed], err = heatmap.LookupColorMap(name); err != nil {
			return nil, err
		}
	}
	if x.resize, err = dataset.ParseInterpolation(bundle.Metadata.Image.Interpolation); err != nil {
		return nil, fmt.Errorf("the model's metadata: %w", err)
	}
	switch s.Class {
	case TargetPredicted, TargetTrue, TargetAll:
	default:
		if x.target, err = bundle.Metadata.Class(s.Class); err != nil {
			return nil, fmt.Errorf("%w, or predicted, true, all", err)
		}
	}
	x.jpeg, err = graph.NewJPEG(heatmap.JPEGQuality)
	return x, err
}

// Close frees what the explainer holds beside the model.
func (x *Explainer) Close() error { return x.jpeg.Close() }

// look finds the look that a row is of.
func (x *Explainer) look(r Row) look {
	for _, l := range x.looks {
		if l.Name == r.Method && l.layer == r.Layer {
			return l
		}
	}
	return look{}
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
	path    string
	sha256  string
	decoder string      // dataset.Header's
	pixels  *image.RGBA // nil: too large to keep, or unreadable
	rows    []Row
}

// keepPixels is how many pixels of decoded images a shard keeps until the
// overlays are drawn; images beyond are decoded a second time.
var keepPixels = 16_000_000 // a test lowers it

// Shard explains a shard's images and writes their overlays and maps below
// out; last, in one step, its part of the manifest: the mark that it is done.
// It depends on the model, the settings and the shard alone. With a shared
// scale, which is known only when all shards are done, it draws nothing.
// progress hears the share that is done, and may be nil.
func (x *Explainer) Shard(ctx context.Context, s Shard, out string, progress func(share float64)) error {
	pictures, images, err := x.read(ctx, s)
	if err != nil {
		return err
	}
	var readable []*picture
	for _, p := range pictures {
		if len(p.rows) == 0 {
			readable = append(readable, p)
		}
	}
	if len(readable) > 0 {
		if err := x.explain(ctx, s, out, readable, images, progress); err != nil {
			return err
		}
	}
	var rows []Row
	for _, p := range pictures {
		if x.settings.Scale == ScaleOwn {
			if p.rows, err = x.draw(ctx, s, out, p.rows, p.pixels); err != nil {
				return err
			}
			p.pixels = nil
		}
		rows = append(rows, p.rows...)
	}
	return writePart(out, s.name(), rows)
}

// read decodes a shard's files and makes the readable ones the model's input,
// one after the other. The others have their row.
func (x *Explainer) read(ctx context.Context, s Shard) ([]*picture, explain.Images, error) {
	in := x.bundle.Metadata.Image
	images := explain.Images{Height: in.Height, Width: in.Width, Channels: 3}
	pictures := make([]*picture, len(s.Images))
	rgb := make([]uint8, in.Height*in.Width*3)
	images.Pixels = make([]float32, len(s.Images)*len(rgb))
	kept := 0
	for i, path := range s.Images {
		if err := ctx.Err(); err != nil {
			return nil, images, err
		}
		p := x.open(ctx, path)
		if err := ctx.Err(); err != nil {
			return nil, images, err
		}
		pictures[i] = p
		if p.pixels == nil {
			continue
		}
		dataset.CopyRGB(rgb, dataset.Resize(p.pixels, in.Height, in.Width, x.resize))
		one := images.Pixels[images.N*len(rgb):][:len(rgb)]
		for k, v := range rgb {
			one[k] = float32(v)
		}
		images.N++
		if kept += len(p.pixels.Pix) / 4; kept > keepPixels || x.settings.Scale == ScaleShared {
			p.pixels = nil
		}
	}
	images.Pixels = images.Pixels[:images.N*len(rgb)]
	return pictures, images, nil
}

// open decodes a file. One that cannot be read has a row that says why.
func (x *Explainer) open(ctx context.Context, path string) *picture {
	p := &picture{path: path}
	data, err := dataset.ReadFile(path, x.limits)
	if err == nil && !utf8.ValidString(path) {
		err = fmt.Errorf("its name is not valid UTF-8: %q", path)
	}
	if err == nil {
		sum := sha256.Sum256(data)
		p.sha256 = hex.EncodeToString(sum[:])
		var header dataset.Header
		p.pixels, header, err = dataset.DecodeContext(ctx, data, x.limits)
		p.decoder = header.Decoder
	}
	if err != nil {
		p.rows = []Row{x.unread(path, p.sha256, err)}
	}
	return p
}

// unread is the one row of a file that cannot be read.
func (x *Explainer) unread(path, sha256 string, why error) Row {
	from := x.origins.of(path, sha256)
	return Row{
		Image: path, SHA256: sha256, Truth: from.truth, Part: from.part, Layer: x.settings.Layer, Method: x.settings.Method,
		Status: Unreadable, Reason: why.Error(),
	}
}

// explain runs the model, and writes the map and makes the row of each image,
// target and look.
func (x *Explainer) explain(ctx context.Context, s Shard, out string, pictures []*picture, images explain.Images, progress func(float64)) error {
	targets, err := x.targets(pictures)
	if err != nil {
		return err
	}
	work := work{x, len(targets), progress}
	for k, t := range targets {
		for g, group := range x.groups {
			e, err := newExplainer(x.settings, x.bundle, group, work.count(k, g))
			if err != nil {
				return err
			}
			attributions, err := e.Explain(ctx, images, t)
			if err != nil {
				return err
			}
			for i, a := range attributions {
				if err := ctx.Err(); err != nil {
					return err
				}
				r, err := x.write(s, out, pictures[i/len(group)], a)
				if err != nil {
					return err
				}
				pictures[i/len(group)].rows = append(pictures[i/len(group)].rows, r)
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

// write writes a map and makes its row.
func (x *Explainer) write(s Shard, out string, p *picture, a explain.Attribution) (Row, error) {
	classes := x.bundle.Metadata.Classes
	r := Row{
		Image: p.path, SHA256: p.sha256, Decoder: p.decoder, Layer: a.Layer, Method: a.Method,
		Status: string(a.Status), Reason: reason(a.Status), Caution: caution(a),
		Predicted: classes[metric.Argmax(a.Probabilities)], Target: classes[a.Target], Score: finite(a.Score),
		Probabilities: map[string]float32{}, Facts: maps.Clone(a.Facts),
	}
	for i, v := range a.Probabilities {
		if finite(v) != nil {
			r.Probabilities[classes[i]] = v
		}
	}
	maps.DeleteFunc(r.Facts, func(_ string, v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	low, high := a.Map.Range()
	r.RawMin, r.RawMax = finite(low), finite(high)
	l := x.look(r)
	from := x.origins.of(p.path, p.sha256)
	r.Signed, r.Truth, r.Part = l.Signed, from.truth, from.part
	x.scale(&r, l, a.Map)
	r.Map = filepath.Join(mapsDir, x.folders[l], x.name(s, r)+".npy")
	path := filepath.Join(out, r.Map)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return r, err
	}
	return r, npy.Write(path, []int{a.Map.Height, a.Map.Width}, a.Map.Values)
}

// scale sets what the full colour, and none, stand for in an overlay.
func (x *Explainer) scale(r *Row, l look, g explain.Grid) {
	low, high := g.Range()
	if !(low < high) || r.Status == string(explain.Faint) {
		return
	}
	base := float32(0)
	if l.Relative {
		g.Values = slices.Clone(g.Values)
		for i := range g.Values {
			g.Values[i] -= low
		}
		base, r.Base = low, &low
	}
	if scale := heatmap.Scale(g, x.percentile(l), l.Signed) + base; scale > base {
		r.Scale = &scale
	}
}

// percentile is what the full colour stands for among a map's values.
func (x *Explainer) percentile(l look) float64 {
	switch {
	case x.settings.Percentile > 0:
		return x.settings.Percentile
	case l.fine():
		return 99
	}
	return 100
}

// name is how the files of a row are called, by the image's path below the
// folder that all have in common.
func (x *Explainer) name(s Shard, r Row) string {
	rel, err := filepath.Rel(s.Root, paths.Absolute(r.Image))
	if err != nil { // no two absolute paths are without a way
		rel = filepath.Base(r.Image)
	}
	if x.settings.Class == TargetAll {
		rel += "." + r.Target
	}
	return paths.Shorten(rel)
}
