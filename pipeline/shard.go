package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
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
)

// Row is a line of manifest.jsonl: one image explained for one class.
type Row struct {
	Image         string             `json:"image"` // its path, as found
	SHA256        string             `json:"sha256"`
	Status        string             `json:"status"` // ok, empty, constant, non_finite, unreadable
	Reason        string             `json:"reason"` // why it is not ok
	Predicted     string             `json:"predicted"`
	Probabilities map[string]float32 `json:"probabilities"`
	Target        string             `json:"target"` // the class explained
	Score         *float32           `json:"score"`  // of the target; null where not finite
	Layer         string             `json:"layer"`
	Method        string             `json:"method"`
	RawMin        *float32           `json:"raw_min"`
	RawMax        *float32           `json:"raw_max"`
	Map           string             `json:"map"`             // .npy, relative to the folder
	Overlay       string             `json:"overlay"`         // .jpg, relative to the folder
	Sheet         string             `json:"sheet,omitempty"` // all methods side by side, .jpg, relative to the folder
}

// Unreadable is the status of a file that is not an image that can be read.
const Unreadable = "unreadable"

// Shard is a run of the sorted input that is explained and committed as one.
type Shard struct {
	Number int
	Root   string   // absolute; results are named relative to it
	Images []string // paths
}

// Shards cuts sorted paths into shards of that size.
func Shards(images []string, size int) []Shard {
	root := commonDir(images)
	var out []Shard
	for part := range slices.Chunk(images, size) {
		out = append(out, Shard{Number: len(out), Root: root, Images: part})
	}
	return out
}

// commonDir returns the longest folder that all paths are in.
func commonDir(paths []string) string {
	if len(paths) == 0 {
		return ""
	}
	dir := filepath.Dir(absolute(paths[0]))
	for _, p := range paths[1:] {
		for !within(dir, absolute(p)) {
			dir = filepath.Dir(dir)
		}
	}
	return dir
}

func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// absolute is filepath.Abs; only a process without a working folder sees the
// path as it is.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// name is the shard's part of the manifest, by number and content.
func (s Shard) name() string {
	h := sha256.New()
	fmt.Fprintln(h, s.Root)
	for _, p := range s.Images {
		fmt.Fprintln(h, p)
	}
	return fmt.Sprintf("%06d-%s.jsonl", s.Number, hex.EncodeToString(h.Sum(nil)[:6]))
}

func (s Shard) read(out string) (rows []Row, text []byte, err error) {
	return readPart(out, s.name())
}

func readPart(out, name string) (rows []Row, text []byte, err error) {
	path := filepath.Join(out, partsDir, name)
	if text, err = os.ReadFile(path); err != nil {
		return nil, nil, err
	}
	rows, err = parseRows(path, text)
	return rows, text, err
}

func parseRows(path string, text []byte) (rows []Row, err error) {
	for line := range bytes.Lines(text) {
		var r Row
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, len(rows)+1, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// finishedParts tells which shards are done.
func finishedParts(out string) (map[string]bool, error) {
	entries, err := os.ReadDir(filepath.Join(out, partsDir))
	if err != nil {
		return nil, err
	}
	done := map[string]bool{}
	for _, e := range entries {
		done[e.Name()] = true
	}
	return done, nil
}

// dropStale removes the parts of shards that are no longer in the input, with
// the files that only they name.
func dropStale(out string, shards []Shard) error {
	stale, err := finishedParts(out)
	if err != nil {
		return err
	}
	for _, s := range shards {
		delete(stale, s.name())
	}
	if len(stale) == 0 {
		return nil
	}
	keep := map[string]bool{"": true}
	for _, s := range shards {
		rows, _, err := s.read(out)
		if err != nil {
			return err
		}
		for _, r := range rows {
			keep[r.Map], keep[r.Overlay], keep[r.Sheet] = true, true, true
		}
	}
	for name := range stale {
		rows, _, err := readPart(out, name)
		if err != nil {
			return err
		}
		for _, r := range rows {
			for _, file := range []string{r.Map, r.Overlay, r.Sheet} {
				if !keep[file] {
					if err := os.Remove(filepath.Join(out, file)); err != nil && !errors.Is(err, os.ErrNotExist) {
						return err
					}
				}
			}
		}
		if err := os.Remove(filepath.Join(out, partsDir, name)); err != nil {
			return err
		}
	}
	return nil
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

func reason(s explain.Status) string {
	switch s {
	case explain.Empty:
		return "nothing in the map speaks for the class"
	case explain.Constant:
		return "the map is the same everywhere"
	case explain.NonFinite:
		return "the map holds values that are not finite"
	}
	return ""
}

// finite is nil for what JSON cannot hold.
func finite(v float32) *float32 {
	if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
		return nil
	}
	return &v
}

// hashFiles hashes the contents of files one after the other; those that do
// not exist count as empty.
func hashFiles(paths ...string) (string, error) {
	h := sha256.New()
	for _, path := range paths {
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return "", err
		}
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// ReadManifest reads the rows of an explaining run's folder.
func ReadManifest(dir string) ([]Row, error) {
	path := filepath.Join(dir, manifestFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseRows(path, text)
}
