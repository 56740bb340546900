package serve

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"oscar/explain"
	"oscar/methods"
)

// The kinds of maps that are shown side by side.
const (
	besideMethods = "methods"
	besideLayers  = "layers"
	besideClasses = "classes"
	besideModels  = "models"
)

// tile is one of several maps side by side.
type tile struct {
	Overlay, URL, Title, Note string
}

// maxTiles is the maximum number of maps side by side.
const maxTiles = 12

// spread returns maxTiles of the tiles, evenly spread from the first to the last, and a text with the
// numbers. It returns all tiles and no text if there are not more.
func spread(all []tile, kind string) ([]tile, string) {
	if len(all) <= maxTiles {
		return all, ""
	}
	out := make([]tile, maxTiles)
	for i := range out {
		out[i] = all[i*(len(all)-1)/(maxTiles-1)]
	}
	return out, fmt.Sprintf("%d of %d %s, evenly spread.", maxTiles, len(all), kind)
}

// tiles returns the views to show next to the page's view, and a text about those that are left out.
func (s *Server) tiles(o *subject, p *explorePage) ([]tile, string) {
	var out []tile
	var slow []string
	add := func(v view, title, note string) {
		v.Beside = ""
		out = append(out, tile{v.URL("/overlay"), v.URL("/"), title, note})
	}
	meta, lacking := &o.version.Metadata, methods.Lacking(o.version.Bundle)
	switch p.View.Beside {
	case besideMethods:
		for _, m := range methods.Table {
			v := p.View.With("method", m.Name).With("colormap", "").With("alpha", "")
			probe := subject{version: o.version}
			if slices.Contains(lacking, m.Name) || probe.find(v) != nil {
				continue
			}
			passes, err := probe.query.passes()
			switch {
			case err != nil:
			case passes <= quickPasses:
				add(v, m.Name, string(m.At))
			default:
				slow = append(slow, m.Name)
			}
		}
	case besideLayers:
		for _, l := range meta.Layers {
			if l.Explainable {
				add(p.View.With("layer", l.Name), l.Name, fmt.Sprintf("%d x %d", l.Output[0], l.Output[1]))
			}
		}
	case besideClasses:
		for _, b := range p.Bars {
			add(p.View.With("class", b.Class), b.Class, b.Percent)
		}
	case besideModels:
		for _, m := range s.models.models {
			add(p.View.With("model", m.name).With("layer", ""), m.name, "")
		}
	}
	out, left := spread(out, p.View.Beside)
	if len(slow) > 0 {
		left += fmt.Sprintf(" Slow methods are left out: %s. Choose them one by one as the method.", strings.Join(slow, ", "))
	}
	return out, strings.TrimSpace(left)
}

// besideChoices returns the kinds that apply to a page.
func (s *Server) besideChoices(p *explorePage, m methods.Method) []choice {
	out := []choice{{"", "nothing", p.View.Beside == ""}}
	for _, c := range []struct {
		value string
		ok    bool
	}{{besideMethods, true}, {besideLayers, m.UsesLayer()}, {besideClasses, !m.ClassAgnostic}, {besideModels, len(s.models.models) > 1}} {
		if c.ok {
			out = append(out, choice{c.value, c.value, p.View.Beside == c.value})
		}
	}
	return out
}

// shareScale gives all tiles one color scale, up to the largest value. Tiles of several methods or
// layers keep their own scale, because their units differ.
func (s *Server) shareScale(ctx context.Context, p *explorePage) error {
	if p.View.Scale != scaleShared || p.View.Beside != besideClasses && p.View.Beside != besideModels {
		return nil
	}
	var full, base float32
	found := false
	for _, t := range p.Tiles {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.Overlay, nil)
		if err != nil {
			return err
		}
		v := viewOf(r.URL.Query())
		o, err := s.open(ctx, v)
		if err != nil {
			return err
		}
		l, err := s.explainSubject(ctx, o, v)
		o.release()
		if err != nil {
			return err
		}
		if f, b, ok := l.method.Scale(l.Layer, l.Map, 0); ok && l.Status == explain.OK {
			if !found {
				base = b
			}
			full, base, found = max(full, f), min(base, b), true
		}
	}
	if !found {
		return nil
	}
	for i := range p.Tiles {
		p.Tiles[i].Overlay += fmt.Sprintf("&full=%s&base=%s", number(full), number(base))
	}
	return nil
}

// scaleShared is the choice of one color scale for all tiles.
const scaleShared = "shared"

func number(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }
