package pipeline

import (
	"context"
	"errors"
	"fmt"
	"image"
	"path/filepath"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/explain"
	"oscar/global"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/report/page"
)

// globalChapters reads a folder of global explanations.
func globalChapters(_ context.Context, dir string) ([]chapter, error) {
	p := &panorama{dir: dir}
	if err := atomicfile.ReadJSON(filepath.Join(dir, globalFile), &p.Global); err != nil {
		return nil, err
	}
	for _, name := range []string{p.Global.Settings.ColorMap, p.Global.Settings.SignedColorMap} {
		if _, err := heatmap.LookupColorMap(name); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, globalFile), err)
		}
	}
	p.draws = &globalJob{GlobalOptions: GlobalOptions{Settings: p.Global.Settings, Global: p.Global.Global}}
	c := chapter{dir: dir, subject: "The global explanations", setup: p.setup()}
	c.page = page.Page{
		Kind: "oscar, global explanations", Title: "What the model goes by",
		Lead:    fmt.Sprintf("What %s say together of a model with %s.", page.Count(p.Images, "image"), counted(len(p.Classes), "class", "classes")),
		Figures: p.figures(), Made: "oscar " + Version,
	}
	if p.Averages != nil {
		c.page.Sections = append(c.page.Sections, p.averages())
	}
	if p.SpRAy != nil {
		c.page.Sections = append(c.page.Sections, p.strategies())
	}
	if p.Tree != nil {
		c.page.Sections = append(c.page.Sections, p.tree())
	}
	if p.TCAV != nil {
		c.page.Sections = append(c.page.Sections, p.concepts())
	}
	if len(c.page.Sections) == 0 {
		return nil, fmt.Errorf("%s has nothing to report", filepath.Join(dir, globalFile))
	}
	if n := p.Unreadable; n > 0 {
		c.notes = append(c.notes, fmt.Sprintf("%s could not be read", page.Count(n, "image")))
	}
	return []chapter{c}, nil
}

// panorama is what a page has of global explanations.
type panorama struct {
	Global
	dir   string
	draws *globalJob // knows the methods and the colours
}

// counted writes a number of things whose plural is not its noun with an s.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return page.Thousands(n) + " " + many
}

func (p *panorama) figures() page.Figures {
	out := page.Figures{{Name: "Images", Value: page.Thousands(p.Images)}}
	if p.SpRAy != nil {
		several := 0
		for _, c := range p.SpRAy {
			if c.K > 1 {
				several++
			}
		}
		out = append(out, page.Figure{Name: "Several strategies", Value: fmt.Sprintf("%d of %d", several, len(p.SpRAy)), Note: "classes"})
	}
	if p.Tree != nil && p.Tree.Tree != nil {
		a := p.Tree.Agreement
		out = append(out, page.Figure{Name: "The tree agrees", Value: page.Percent(a.Share),
			Note: "95 %: " + page.PercentRange(a.Interval[0], a.Interval[1])})
	}
	if p.TCAV != nil {
		significant := 0
		for _, c := range p.TCAV.Concepts {
			for _, s := range c.Classes {
				if s.Verdict == global.Significant {
					significant++
				}
			}
		}
		out = append(out, page.Figure{Name: "Concepts that matter", Value: fmt.Sprintf("%d of %d", significant, p.TCAV.Comparisons), Note: "pairs with a class, more or fewer than random"})
	}
	return out
}

// colours say what a colour map's ends stand for.
func (p *panorama) colours(m heatmap.ColorMap, name string) string {
	switch {
	case name == "rdbu_r" || name == "seismic":
		return "Red speaks for the class, blue against it."
	case m.Diverging():
		return fmt.Sprintf("The colours are %s: the upper end speaks for the class, the lower end against it.", name)
	case name == "jet":
		return "Red is where the model looks."
	}
	return fmt.Sprintf("The colours are %s: its upper end is where the model looks.", name)
}

// averages shows the mean photograph, the mean map and its deviation, class by
// class.
func (p *panorama) averages() page.Section {
	method := p.draws.methods()[0]
	shelf := page.Shelf{Wide: true}
	t := page.Table{
		Caption: "How far the maps of a class are spread", Corner: "class",
		Columns: []page.Column{{Name: "images"}, {Name: "recognised"}, {Name: "averaged"}, {Name: "dispersion"}, {Name: "centre"}},
		Legend: page.List{
			"Dispersion: 0 for maps that are all the same, above 1 where they differ by more than they share.",
			"Centre: 1 for a mean map that does not prefer the middle of the image, 4 for one that is nowhere else.",
		},
	}
	for _, a := range p.Averages {
		t.Rows = append(t.Rows, page.Row{Name: a.Class, Cells: []page.Cell{
			{Text: page.Thousands(a.Images)}, {Text: page.Thousands(a.Recognised)}, {Text: page.Thousands(a.N)},
			{Text: page.Number(float64(a.Dispersion))}, {Text: page.Number(float64(a.Center))},
		}})
		if a.N == 0 {
			continue
		}
		shelf.Plates = append(shelf.Plates, page.Plate{
			Title: a.Class, Note: fmt.Sprintf("mean of %s", page.Count(a.N, "image")),
			Pictures: []page.Picture{
				{Alt: fmt.Sprintf("Mean of the %d photographs of class %s that the model recognises", a.N, a.Class),
					Load: func() (image.Image, error) { return p.picture(a.Photo) }},
				{Alt: fmt.Sprintf("Mean of their maps of %s for class %s", method, a.Class),
					Load: func() (image.Image, error) {
						return p.laid(a, a.Map, colourMap(p.Global.Settings.SignedColorMap), global.PaleAlpha)
					}},
				{Alt: fmt.Sprintf("Standard deviation of the maps of class %s", a.Class),
					Load: func() (image.Image, error) {
						return p.laid(a, a.Deviation, colourMap(p.Global.Settings.ColorMap), p.Global.Settings.Alpha)
					}},
			}})
	}
	blocks := []page.Block{page.Text(fmt.Sprintf(
		"Of each class the mean photograph, the mean map of %s, and the standard deviation of the maps, over the images that the model gives their class. %s",
		method, p.colours(colourMap(p.Global.Settings.SignedColorMap), p.Global.Settings.SignedColorMap)))}
	blocks = append(blocks, cappedShelf(&shelf)...)
	return page.Section{Title: "Where each class is looked for", Blocks: append(blocks, t)}
}

// cappedShelf is a wall of one shelf with no more plates than can be looked at.
func cappedShelf(s *page.Shelf) []page.Block {
	more := len(s.Plates) - mostShelves
	if more <= 0 {
		return []page.Block{page.Wall{*s}}
	}
	s.Plates = s.Plates[:mostShelves]
	return []page.Block{page.Wall{*s}, notShown(more)}
}

// notShown counts what a page has no room for.
func notShown(n int) page.Text {
	return page.Text(counted(n, "more class is not shown.", "more classes are not shown."))
}

// picture reads a picture of the folder.
func (p *panorama) picture(name string) (*image.RGBA, error) {
	img, err := dataset.DecodeFile(filepath.Join(p.dir, name), dataset.Limits{})
	if err != nil || name == "" {
		return nil, errors.New("the picture is gone")
	}
	return img, nil
}

// laid is a map on its class's mean photograph.
func (p *panorama) laid(a global.ClassAverage, name string, colours heatmap.ColorMap, alpha float64) (image.Image, error) {
	photo, err := p.picture(a.Photo)
	if err != nil {
		return nil, err
	}
	grid, err := p.grid(name)
	if err != nil {
		return nil, err
	}
	return heatmap.Paint(photo, heatmap.Options{Heat: grid, Map: colours, Alpha: alpha}).Image, nil
}

func (p *panorama) grid(name string) (explain.Grid, error) {
	grid, err := readGrid(filepath.Join(p.dir, name))
	if err != nil {
		return grid, errors.New("the map is gone")
	}
	return grid, nil
}

// strategies shows, class by class, each strategy with the images in its middle.
func (p *panorama) strategies() page.Section {
	t := page.Table{
		Caption: "How many strategies the maps of a class fall into", Corner: "class",
		Columns: []page.Column{{Name: "maps"}, {Name: "strategies"}, {Name: "why", Text: true}},
	}
	several := slices.ContainsFunc(p.SpRAy, func(c global.ClassSpRAy) bool { return c.K > 1 })
	if several {
		t.Columns = append(t.Columns, page.Column{Name: "sizes", Text: true}, page.Column{Name: "structure", Text: true})
		t.Legend = page.List{"Structure: how far apart the groups are, by the silhouette of their maps. None: they are pieces of one."}
	}
	var wall page.Wall
	more := 0
	for _, c := range p.SpRAy {
		row := page.Row{Name: c.Class, Cells: []page.Cell{{Text: page.Thousands(c.N)}, {Text: fmt.Sprint(c.K)}, {Text: c.Words()}}}
		if several {
			row.Cells = append(row.Cells, sizesOf(c)...)
		}
		t.Rows = append(t.Rows, row)
		if len(wall) >= mostShelves && len(c.Clusters) > 0 {
			more++
			continue
		}
		for k := range c.Clusters {
			wall = append(wall, p.strategy(c, k))
		}
	}
	legend := fmt.Sprintf("Maps of %s, of the images that the model gives their class, in groups (spectral relevance analysis): each group is a strategy. "+
		"Its mean map, pooled to %d × %d, stands beside the images nearest to it. %s",
		p.draws.methods()[1], p.Global.Global.Side, p.Global.Global.Side, p.colours(p.draws.drawing("").Colours, p.sprayColours()))
	blocks := []page.Block{page.Text(legend), t, wall}
	if more > 0 {
		blocks = append(blocks, notShown(more))
	}
	return page.Section{Title: "Strategies", Blocks: blocks}
}

// sizesOf returns those of the strategies, and how far apart they are.
func sizesOf(c global.ClassSpRAy) []page.Cell {
	var sizes []string
	for _, cluster := range c.Clusters {
		sizes = append(sizes, page.Thousands(cluster.Size))
	}
	structure := "–"
	if c.K > 1 {
		structure = fmt.Sprintf("%s, silhouette %.2f", c.Structure, c.SilhouetteMaps)
	}
	return []page.Cell{{Text: strings.Join(sizes, ", ")}, {Text: structure}}
}

func (p *panorama) sprayColours() string {
	if p.draws.drawing("").Colours.Diverging() {
		return p.Global.Settings.SignedColorMap
	}
	return p.Global.Settings.ColorMap
}

// strategy is a shelf: the mean map, and its examples.
func (p *panorama) strategy(c global.ClassSpRAy, k int) page.Shelf {
	cluster := c.Clusters[k]
	s := page.Shelf{Title: c.Class, Note: fmt.Sprintf("The only strategy, %s.", page.Count(cluster.Size, "map"))}
	if c.K > 1 {
		s.Title += fmt.Sprintf(", strategy %d of %d", k+1, c.K)
		s.Note = fmt.Sprintf("%d of %s.", cluster.Size, page.Count(c.N, "map"))
	}
	s.Plates = append(s.Plates, page.Plate{Title: "mean map", Pictures: []page.Picture{{
		Alt: fmt.Sprintf("Mean map of strategy %d of class %s", k+1, c.Class),
		Load: func() (image.Image, error) {
			grid, err := p.grid(cluster.Map)
			return heatmap.Paint(global.Blank(), heatmap.Options{Heat: grid, Map: p.draws.drawing("").Colours, Alpha: 1}).Image, err
		},
	}}})
	for i, name := range cluster.Examples {
		s.Plates = append(s.Plates, page.Plate{Note: brief(cluster.Images[i]), Pictures: []page.Picture{{
			Alt:  fmt.Sprintf("Map on a photograph of class %s, number %d by nearness to strategy %d", c.Class, i+1, k+1),
			Load: func() (image.Image, error) { return p.picture(name) },
		}}})
	}
	return s
}
