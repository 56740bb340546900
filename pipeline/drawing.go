package pipeline

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/npy"
)

// scales are what the full colour stands for, and none, for each look.
type scales map[look]span

type span struct{ base, full float32 }

// shared finds the scales on which all maps can be compared: from the smallest
// of their bases to the largest of their full colours.
func (x *Explainer) shared(out string, shards []Shard) (scales, error) {
	common := scales{}
	for _, s := range shards {
		rows, _, err := readPart(out, s.name())
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if r.Scale == nil {
				continue
			}
			l, own := x.look(r), spanOf(r)
			if all, ok := common[l]; ok {
				own = span{min(all.base, own.base), max(all.full, own.full)}
			}
			common[l] = own
		}
	}
	return common, nil
}

// spanOf returns the scale of a row that has one.
func spanOf(r Row) span {
	own := span{full: *r.Scale}
	if r.Base != nil {
		own.base = *r.Base
	}
	return own
}

// on puts rows on common scales.
func (c scales) on(x *Explainer, rows []Row) {
	for i, r := range rows {
		if r.Scale == nil {
			continue
		}
		all := c[x.look(r)]
		rows[i].Scale = &all.full
		if r.Base != nil {
			rows[i].Base = &all.base
		}
	}
}

// drawn reports whether a shard is drawn on these scales.
func (x *Explainer) drawn(s Shard, out string, common scales) bool {
	rows := finished(out, s.drawn())
	for _, r := range rows {
		if r.Scale != nil && spanOf(r) != common[x.look(r)] {
			return false
		}
	}
	return rows != nil
}

// paint draws the overlays and sheets of a shard that has been explained, on
// common scales, and writes its part of the manifest.
func (x *Explainer) paint(ctx context.Context, s Shard, out string, common scales) error {
	rows, _, err := readPart(out, s.name())
	if err != nil {
		return err
	}
	common.on(x, rows)
	var all []Row
	// An overlay on other scales must not be taken for what an old part says.
	if err := os.Remove(filepath.Join(out, partsDir, s.drawn())); err != nil && !os.IsNotExist(err) {
		return err
	}
	for first := 0; first < len(rows); {
		end := first + 1
		for end < len(rows) && rows[end].Image == rows[first].Image {
			end++
		}
		some, err := x.draw(ctx, s, out, rows[first:end], nil)
		if err != nil {
			return err
		}
		all = append(all, some...)
		first = end
	}
	return writePart(out, s.drawn(), all)
}

// draw draws what was made of one image, from its maps, and returns the rows
// with the files. The photo may be nil, and is decoded then.
func (x *Explainer) draw(ctx context.Context, s Shard, out string, rows []Row, photo *image.RGBA) ([]Row, error) {
	if rows[0].Map == "" {
		return rows, nil
	}
	if photo == nil {
		var err error
		if photo, err = dataset.DecodeFile(rows[0].Image, x.limits); err != nil {
			return x.lost(out, rows, err)
		}
	}
	var together *sheet
	for i := range rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r := &rows[i]
		l := x.look(*r)
		o, err := x.options(out, *r, l)
		if err != nil {
			return nil, err
		}
		name := x.name(s, *r)
		r.Overlay = filepath.Join(overlaysDir, x.folders[l], name+".overlay.jpg")
		if err := x.picture(ctx, out, r.Overlay, heatmap.Overlay(photo, o)); err != nil {
			return nil, err
		}
		if len(x.looks) == 1 {
			continue
		}
		r.Sheet = filepath.Join(sheetsDir, name+".jpg")
		if together == nil {
			together = newSheet(*r, photo)
		}
		together.add(l, o)
		if i == len(rows)-1 || rows[i+1].Target != r.Target {
			if err := x.picture(ctx, out, r.Sheet, together.draw()); err != nil {
				return nil, err
			}
			together = nil
		}
	}
	return rows, nil
}

// lost makes one row of those of an image that cannot be read any more.
func (x *Explainer) lost(out string, rows []Row, why error) ([]Row, error) {
	for _, r := range rows {
		if err := os.Remove(filepath.Join(out, r.Map)); err != nil {
			return nil, err
		}
	}
	return []Row{x.unread(rows[0].Image, rows[0].SHA256, fmt.Errorf("changed while it was explained: %w", why))}, nil
}

// options are how a row's map is shown.
func (x *Explainer) options(out string, r Row, l look) (heatmap.Options, error) {
	shape, values, err := npy.Read(filepath.Join(out, r.Map))
	if err != nil {
		return heatmap.Options{}, err
	}
	o := heatmap.Options{
		Heat: explain.Grid{Height: shape[0], Width: shape[1], Values: values},
		Map:  x.colors[l.Signed], Alpha: x.settings.Alpha,
		Title: r.Title(), Faint: r.Status == string(explain.Faint),
		Note: fmt.Sprintf("%s %s, target %s", r.Method, r.Layer, r.Target),
	}
	if l.Signed {
		o.Alpha = x.settings.SignedAlpha
	}
	if r.Scale != nil {
		at := spanOf(r)
		o.Scale, o.Base = at.full, at.base
	}
	return o, nil
}

// picture writes a JPEG below out, in a folder that may be new.
func (x *Explainer) picture(ctx context.Context, out, name string, img *image.RGBA) error {
	path := filepath.Join(out, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	data, err := x.jpeg.Encode(ctx, img)
	if err == nil {
		err = atomicfile.Draft(path, func(f *os.File) error {
			_, err := f.Write(data)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("write image %s: %w", path, err)
	}
	return nil
}
