package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/graph"
	"oscar/internal/jpegfile"
	"oscar/internal/npy"
	"oscar/internal/paths"
	"oscar/methods"
	"oscar/result"
)

// painter draws overlays and sheets from maps and rows. It is the second loop of [Explain]
// and safe for concurrent use.
type painter struct {
	dir      string
	settings Settings
	limits   dataset.Limits
	colors   map[bool]heatmap.ColorMap // key: whether the method is signed
	scales   map[string]span           // by method and layer, if scales are shared
	jpeg     *graph.JPEG
	fetch    func(ctx context.Context, image string) error // copies a missing image; may be nil

	mu       sync.Mutex
	failures map[string]string // by path, why a file could not be drawn
}

func newPainter(s Settings, dir string) (*painter, error) {
	p := &painter{
		dir: dir, settings: s, limits: dataset.Limits{MaxPixels: s.MaxPixels, MaxBytes: s.MaxBytes},
		colors: map[bool]heatmap.ColorMap{}, failures: map[string]string{},
	}
	var err error
	for signed, name := range map[bool]string{false: s.ColorMap, true: s.SignedColorMap} {
		if p.colors[signed], err = heatmap.LookupColorMap(name); err != nil {
			return nil, err
		}
	}
	p.jpeg, err = graph.NewJPEG(heatmap.JPEGQuality)
	return p, err
}

func (p *painter) close() error { return p.jpeg.Close() }

// span has the values that are drawn with the full and with the lowest color.
type span struct {
	Base float32 `json:"base"`
	Full float32 `json:"full"`
}

// scalesFile records the shared scales of the overlays.
const scalesFile = "scales.json"

// setScales finds a common scale for all maps of a method and layer, if the settings ask for one:
// from the smallest base to the largest full value. It removes drawings with other scales.
func (p *painter) setScales(shards []shard) error {
	if p.settings.Scale != ScaleShared {
		return checksum.Delete(p.dir, scalesFile)
	}
	p.scales = map[string]span{}
	for _, s := range shards {
		rows, err := readPart(p.dir, s.part)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.Scale == nil {
				continue
			}
			key, own := r.At().String(), spanOf(r)
			if all, ok := p.scales[key]; ok {
				own = span{min(all.Base, own.Base), max(all.Full, own.Full)}
			}
			p.scales[key] = own
		}
	}
	var before map[string]span
	err := checksum.ReadJSON(p.dir, scalesFile, &before)
	if err == nil && maps.Equal(before, p.scales) {
		return nil
	}
	if err := discardDrawings(p.dir); err != nil {
		return err
	}
	return checksum.WriteJSON(p.dir, scalesFile, p.scales)
}

// spanOf returns the scale of a row with a map.
func spanOf(r Row) span {
	s := span{Full: *r.Scale}
	if r.Base != nil {
		s.Base = *r.Base
	}
	return s
}

// drawn reports whether all drawings of a shard exist.
func (p *painter) drawn(rows []Row) bool {
	for _, r := range rows {
		if p.missing(r) {
			return false
		}
	}
	return true
}

// missing reports whether any drawing of a row is missing.
func (p *painter) missing(r Row) bool {
	return r.Overlay != "" && !hasFile(p.dir, r.Overlay) || r.Sheet != "" && !hasFile(p.dir, r.Sheet)
}

// shard makes the missing drawings of a shard's rows. photos may have the decoded images;
// shard removes them from it.
func (p *painter) shard(ctx context.Context, rows []Row, photos map[string]*image.RGBA) error {
	for first := 0; first < len(rows); {
		end := first + 1
		for end < len(rows) && rows[end].Image == rows[first].Image {
			end++
		}
		if err := p.image(ctx, rows[first:end], photos[rows[first].Image]); err != nil {
			return err
		}
		delete(photos, rows[first].Image)
		first = end
	}
	return nil
}

// image makes the missing drawings of one image's rows. If photo is nil, it decodes the image when
// it is needed.
func (p *painter) image(ctx context.Context, rows []Row, photo *image.RGBA) error {
	for first := 0; first < len(rows); { // one sheet per target
		end := first + 1
		for end < len(rows) && rows[end].Target == rows[first].Target {
			end++
		}
		target := rows[first:end]
		first = end
		if p.drawn(target) {
			continue
		}
		if photo == nil {
			var err error
			if photo, err = p.decode(ctx, target[0]); ctx.Err() != nil {
				return ctx.Err()
			} else if err != nil {
				for _, r := range rows {
					p.fail(r.Overlay, err)
				}
				return nil
			}
		}
		if err := p.target(ctx, target, photo); err != nil {
			return err
		}
	}
	return nil
}

// decode reads an explained image and returns an error if its content changed.
func (p *painter) decode(ctx context.Context, r Row) (*image.RGBA, error) {
	if p.fetch != nil && !paths.Exists(r.Image) {
		if err := p.fetch(ctx, r.Image); err != nil {
			return nil, err
		}
		defer os.Remove(r.Image)
	}
	data, err := dataset.ReadFile(r.Image, p.limits)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != r.SHA256 {
		return nil, errors.New("it has changed since it was explained")
	}
	photo, _, err := dataset.DecodeContext(ctx, data, p.limits)
	return photo, err
}

// target draws the rows of one image and target.
func (p *painter) target(ctx context.Context, rows []Row, photo *image.RGBA) error {
	var together *sheet
	for _, r := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		sheetMissing := r.Sheet != "" && !hasFile(p.dir, r.Sheet)
		if !sheetMissing && !p.missing(r) {
			continue
		}
		o, err := p.options(r)
		if err != nil {
			return err
		}
		if !hasFile(p.dir, r.Overlay) {
			if err := p.write(ctx, r.Overlay, func() *image.RGBA { return p.overlay(photo, o) }); err != nil {
				return err
			}
		}
		if sheetMissing {
			if together == nil {
				together = newSheet(r, photo)
			}
			together.add(r, o)
		}
	}
	if together == nil {
		return nil
	}
	return p.write(ctx, rows[0].Sheet, together.draw)
}

// overlay returns a photograph with a map over it.
func (p *painter) overlay(photo *image.RGBA, o heatmap.Options) *image.RGBA {
	if p.settings.Bare {
		return heatmap.Paint(photo, o).Image.(*image.RGBA)
	}
	return heatmap.Overlay(photo, o)
}

// options returns the drawing options of a row's map.
func (p *painter) options(r Row) (heatmap.Options, error) {
	path, err := paths.Local(p.dir, r.Map)
	if err != nil {
		return heatmap.Options{}, err
	}
	shape, values, err := npy.Read(path)
	if err != nil {
		return heatmap.Options{}, err
	}
	if len(shape) != 2 {
		return heatmap.Options{}, fmt.Errorf("%s has the shape %v, want [height,width]", path, shape)
	}
	method, err := methods.Lookup(r.Method)
	if err != nil {
		return heatmap.Options{}, err
	}
	p.rescale(&r)
	named := spelled(r)
	o := heatmap.Options{
		Heat: explain.Grid{Height: shape[0], Width: shape[1], Values: values}, Framing: p.settings.Framing,
		Map: p.colors[method.Signed], Alpha: p.settings.Alpha,
		Title: named.Title(), Faint: r.Status == string(explain.Faint),
		Note: fmt.Sprintf("%s %s, target %s", r.Method, r.Layer, named.Target),
	}
	if method.Signed {
		o.Alpha = p.settings.SignedAlpha
	}
	if r.Scale != nil {
		at := spanOf(r)
		o.Scale, o.Base = at.Full, at.Base
	}
	return o, nil
}

// rescale sets the shared scale in a row, if scales are shared.
func (p *painter) rescale(r *Row) {
	if p.scales == nil || r.Scale == nil {
		return
	}
	all := p.scales[r.At().String()]
	r.Scale = &all.Full
	if r.Base != nil {
		r.Base = &all.Base
	}
}

// write draws a picture and writes it as JPEG below the folder. If the picture cannot be encoded,
// its row gets the reason. If the file cannot be written, write returns an error.
func (p *painter) write(ctx context.Context, name string, draw func() *image.RGBA) error {
	path, err := paths.Local(p.dir, name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	data, err := p.encode(ctx, draw())
	if err != nil {
		if ctx.Err() == nil {
			p.fail(name, err)
		}
		return ctx.Err()
	}
	err = atomicfile.Draft(path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
	if err != nil {
		return fmt.Errorf("write image %s: %w", path, err)
	}
	return nil
}

// encode returns the bytes of a JPEG.
func (p *painter) encode(ctx context.Context, img *image.RGBA) ([]byte, error) {
	if !jpegfile.IsSmall(img.Rect.Size()) {
		return p.jpeg.Encode(ctx, img)
	}
	var b bytes.Buffer
	err := jpegfile.Encode(&b, img, heatmap.JPEGQuality)
	return b.Bytes(), err
}

// fail records why a file was not drawn.
func (p *painter) fail(name string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures[name] = err.Error()
}

// row returns the row for the manifest, with the scale of its drawings and the reason if one is
// missing.
func (p *painter) row(r Row) Row {
	p.rescale(&r)
	var reasons []string
	for _, file := range []*string{&r.Overlay, &r.Sheet} {
		why, failed := p.failures[*file]
		if !failed {
			continue
		}
		*file = ""
		reasons = append(reasons, "not drawn: "+why)
	}
	if len(reasons) > 0 {
		if r.Status == string(explain.OK) {
			r.Status = result.NotDrawn
		}
		if r.Reason != "" {
			r.Reason += "; "
		}
		r.Reason += reasons[0]
	}
	if r.Overlay == "" && r.Sheet != "" && !hasFile(p.dir, r.Sheet) {
		r.Sheet = ""
	}
	return r
}
