package serve

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"

	"oscar/explain"
)

// neighbours are the nearest pictures of a folder.
type neighbours struct {
	Folder string
	Cells  []cell
}

// mostNeighbours is the number of neighbours shown.
const mostNeighbours = 6

// nearest lists, for each folder of images, the pictures whose features are nearest to
// those of a view's picture: by the cosine distance, 0 for equal directions and 1 for
// orthogonal ones. Folders classified by another version have none.
func (s *Server) nearest(ctx context.Context, o *subject, v view) ([]neighbours, error) {
	var out []neighbours
	var of []float32
	for _, c := range s.collections {
		c.mu.Lock()
		by := c.by
		c.mu.Unlock()
		if by != o.version || !o.version.hasFeatures() {
			continue
		}
		if of == nil {
			asked := *o
			asked.query, asked.class = query{version: o.version, features: true}, explain.Predicted
			l, err := s.look(ctx, &asked, v)
			if err != nil {
				return nil, err
			}
			of = l.features
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
		n := neighbours{Folder: c.name}
		for _, found := range all[:min(len(all), mostNeighbours)] {
			e := entries[found.at]
			title := cmp.Or(e.Truth, e.Predicted)
			note := strings.TrimPrefix(fmt.Sprintf("%s; distance %.3f", e.Part, found.distance), "; ")
			n.Cells = append(n.Cells, cell{
				URL: view{Picture: c.name + "/" + e.File}.URL("/"), Thumb: fmt.Sprintf("/thumb/%s/%d", url.PathEscape(c.name), found.at),
				Name: e.Name, Title: title, Note: note, Wrong: e.Truth != "" && e.Truth != e.Predicted,
			})
		}
		if len(n.Cells) > 0 {
			out = append(out, n)
		}
	}
	return out, nil
}
