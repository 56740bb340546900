package serve

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"oscar/explain"
)

// neighbors are the nearest pictures in a folder.
type neighbors struct {
	Folder string
	Cells  []cell
}

// maxNeighbors is the number of neighbors shown.
const maxNeighbors = 6

// nearest returns the pictures with the nearest features to those of a view's picture, for each
// folder of images. The distance is the cosine distance: 0 for equal directions, 1 for orthogonal
// ones. Folders that another version classified have none.
func (s *Server) nearest(ctx context.Context, o *subject, v view) ([]neighbors, error) {
	if !o.version.hasFeatures() {
		return nil, nil
	}
	var out []neighbors
	var of []float32
	for _, c := range s.collections {
		if !c.classifiedBy(o.version) {
			continue
		}
		if of == nil {
			var err error
			if of, err = s.featuresOf(ctx, o, v); err != nil {
				return nil, err
			}
		}
		entries, _ := c.list()
		type near struct {
			at       int
			distance float64
		}
		var all []near
		for i, e := range entries {
			if e.features == nil || v.Picture == c.name+"/"+e.File {
				continue
			}
			product := 0.0
			for k, x := range e.features {
				product += float64(x) * float64(of[k])
			}
			if !math.IsNaN(product) {
				all = append(all, near{i, max(0, 1-product)})
			}
		}
		slices.SortStableFunc(all, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
		n := neighbors{Folder: c.name}
		for _, found := range all[:min(len(all), maxNeighbors)] {
			e := entries[found.at]
			shown := c.cell(found.at, e)
			shown.Title = cmp.Or(e.Truth, e.Predicted)
			shown.Note = strings.TrimPrefix(fmt.Sprintf("%s; distance %.3f", e.Part, found.distance), "; ")
			n.Cells = append(n.Cells, shown)
		}
		if len(n.Cells) > 0 {
			out = append(out, n)
		}
	}
	return out, nil
}

// featuresOf returns the features of a view's picture. It computes them only if no folder has them
// from the same version.
func (s *Server) featuresOf(ctx context.Context, o *subject, v view) ([]float32, error) {
	if e, err := editsOf(v); err == nil && e.none() {
		for _, c := range s.collections {
			file, ok := strings.CutPrefix(v.Picture, c.name+"/")
			i, listed := c.index[file]
			if known, there := c.at(i); ok && listed && there && c.classifiedBy(o.version) && known.features != nil {
				return known.features, nil
			}
		}
	}
	asked := *o
	asked.query, asked.class = query{version: o.version, features: true}, explain.Predicted
	l, err := s.explainSubject(ctx, &asked, v)
	if err != nil {
		return nil, err
	}
	return l.features, nil
}

// classifiedBy reports whether a version classified the collection's images.
func (c *collection) classifiedBy(v *version) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.by == v
}
