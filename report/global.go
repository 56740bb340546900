package report

import (
	"context"
	"fmt"
	"image"
	"path/filepath"
	"slices"
	"strings"

	"oscar/explain"
	"oscar/global"
	"oscar/heatmap"
	"oscar/report/page"
	"oscar/result"
)

// globalChapters reads a folder of global explanations.
func globalChapters(_ context.Context, dir string) ([]chapter, error) {
	read, err := result.ReadGlobal(dir)
	if err != nil {
		return nil, err
	}
	g := &globalChapter{Global: read, dir: dir}
	if g.plain, err = heatmap.LookupColorMap(g.Settings.ColorMap); err == nil {
		g.signed, err = heatmap.LookupColorMap(g.Settings.SignedColorMap)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, result.GlobalFile), err)
	}
	command, err := again(dir)
	if err != nil {
		return nil, err
	}
	c := chapter{dir: dir, subject: "The global explanations", setup: append(g.setup(), command...)}
	c.page = page.Page{
		Kind: "oscar, global explanations", Title: "What the model goes by",
		Lead:    fmt.Sprintf("Explanations of %s combined, of a model with %s.", page.Count(g.Images, "image"), counted(len(g.Classes), "class", "classes")),
		Figures: g.figures(),
	}
	if g.Averages != nil {
		c.page.Sections = append(c.page.Sections, g.averages())
	}
	if g.SpRAy != nil {
		c.page.Sections = append(c.page.Sections, g.strategies())
	}
	if g.Tree != nil {
		c.page.Sections = append(c.page.Sections, g.tree())
	}
	if g.TCAV != nil {
		c.page.Sections = append(c.page.Sections, g.concepts())
	}
	if len(c.page.Sections) == 0 {
		return nil, fmt.Errorf("%s has nothing to report", filepath.Join(dir, result.GlobalFile))
	}
	if n := g.Unreadable; n > 0 {
		c.notes = append(c.notes, fmt.Sprintf("%s could not be read", page.Count(n, "image")))
	}
	return []chapter{c}, nil
}

// globalChapter makes the sections about global explanations.
type globalChapter struct {
	*result.Global
	dir           string
	plain, signed heatmap.ColorMap // of unsigned and of signed maps
}

// mapColors returns the color map of the clustered maps, and its name.
func (g *globalChapter) mapColors() (heatmap.ColorMap, string) {
	if g.MapSigned {
		return g.signed, g.Settings.SignedColorMap
	}
	return g.plain, g.Settings.ColorMap
}

// counted returns a number and its noun, whose plural is irregular.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return page.Thousands(n) + " " + many
}

func (g *globalChapter) figures() page.Figures {
	out := page.Figures{{Name: "Images", Value: page.Thousands(g.Images)}}
	if g.SpRAy != nil {
		several := 0
		for _, c := range g.SpRAy {
			if c.K > 1 {
				several++
			}
		}
		out = append(out, page.Figure{Name: "Classes with several strategies", Value: fmt.Sprintf("%d of %d", several, len(g.SpRAy))})
	}
	if g.Tree != nil && g.Tree.Tree != nil {
		a := g.Tree.Agreement
		out = append(out, page.Figure{Name: "Agreement of the tree", Value: page.Percent(a.Share),
			Note: "95 %: " + page.PercentRange(a.Interval[0], a.Interval[1])})
	}
	if g.TCAV != nil {
		significant := 0
		for _, c := range g.TCAV.Concepts {
			for _, s := range c.Classes {
				if s.Verdict == global.Significant {
					significant++
				}
			}
		}
		out = append(out, page.Figure{Name: "Significant concepts", Value: fmt.Sprintf("%d of %d", significant, g.TCAV.Comparisons), Note: "pairs of a concept and a class"})
	}
	return out
}

// averages shows the mean photograph, the mean map and its standard deviation for each class.
func (g *globalChapter) averages() page.Section {
	method := g.AverageMethod
	shelf := page.Shelf{Wide: true}
	t := page.Table{
		Caption: "How much the maps of a class differ", Corner: "class",
		Columns: []page.Column{{Name: "images"}, {Name: "correct"}, {Name: "averaged"}, {Name: "dispersion"}, {Name: "center"}},
		Legend: page.List{
			"Dispersion: 0 if all maps are equal, above 1 if they differ by more than they have in common.",
			"Center: the share of the mean map in the central quarter of the image, times 4. 1: no preference for the center; 4: only the center.",
		},
	}
	for _, a := range g.Averages {
		t.Rows = append(t.Rows, page.Row{Name: a.Class, Cells: []page.Cell{
			{Text: page.Thousands(a.Images)}, {Text: page.Thousands(a.Recognized)}, {Text: page.Thousands(a.N)},
			{Text: page.Number(float64(a.Dispersion))}, {Text: page.Number(float64(a.Center))},
		}})
		if a.N == 0 {
			continue
		}
		shelf.Plates = append(shelf.Plates, page.Plate{
			Title: a.Class, Note: fmt.Sprintf("mean of %s", page.Count(a.N, "image")),
			Pictures: []page.Picture{
				{Alt: fmt.Sprintf("Mean of the %d photographs of class %s that are classified correctly", a.N, a.Class),
					Load: func() (image.Image, error) { return picture(g.dir, a.Photo) }},
				{Alt: fmt.Sprintf("Mean of their maps of %s for class %s", method, a.Class),
					Load: func() (image.Image, error) {
						return g.laid(a, a.Map, g.signed, global.PaleAlpha)
					}},
				{Alt: fmt.Sprintf("Standard deviation of the maps of class %s", a.Class),
					Load: func() (image.Image, error) {
						return g.laid(a, a.Deviation, deviationColors(), global.DeviationAlpha)
					}},
			}})
	}
	blocks := []page.Block{page.Text(fmt.Sprintf(
		"For each class: the mean photograph, the mean %s map, and the standard deviation of the maps, over the correctly classified images.", method))}
	for _, bar := range slices.Concat(colorBar(g.Settings.SignedColorMap, "Mean map", "low", "high"), colorBar(global.DeviationColors, "Standard deviation", "low", "high")) {
		blocks = append(blocks, bar)
	}
	blocks = append(blocks, cappedShelf(&shelf)...)
	return page.Section{Title: "Where the model looks for each class", Blocks: append(blocks, t)}
}

// cappedShelf returns a wall of one shelf with at most [result.ShownClasses] plates.
func cappedShelf(s *page.Shelf) []page.Block {
	more := len(s.Plates) - result.ShownClasses
	if more <= 0 {
		return []page.Block{page.Wall{*s}}
	}
	s.Plates = s.Plates[:result.ShownClasses]
	return []page.Block{page.Wall{*s}, notShown(more)}
}

// notShown returns a text with the number of classes that are left out.
func notShown(n int) page.Text {
	return page.Text(counted(n, "more class is not shown.", "more classes are not shown."))
}

// deviationColors returns the color map of standard deviations.
func deviationColors() heatmap.ColorMap {
	m, _ := heatmap.LookupColorMap(global.DeviationColors)
	return m
}

// laid draws a map on its class's mean photograph.
func (g *globalChapter) laid(a global.ClassAverage, name string, colors heatmap.ColorMap, alpha float64) (image.Image, error) {
	photo, err := picture(g.dir, a.Photo)
	if err != nil {
		return nil, err
	}
	grid, err := g.grid(name)
	if err != nil {
		return nil, err
	}
	return heatmap.Paint(photo, heatmap.Options{Heat: grid, Map: colors, Alpha: alpha}).Image, nil
}

// grid reads a map of the folder.
func (g *globalChapter) grid(name string) (explain.Grid, error) {
	grid, err := readGrid(g.dir, name)
	if err != nil {
		return grid, lacking(err, "the map is missing")
	}
	return grid, nil
}

// strategies shows each strategy of each class with the images nearest to its mean.
func (g *globalChapter) strategies() page.Section {
	t := page.Table{
		Caption: "The number of strategies for each class", Corner: "class",
		Columns: []page.Column{{Name: "maps"}, {Name: "strategies"}, {Name: "why", Text: true}},
	}
	several := slices.ContainsFunc(g.SpRAy, func(c global.ClassSpRAy) bool { return c.K > 1 })
	if several {
		t.Columns = append(t.Columns, page.Column{Name: "sizes", Text: true}, page.Column{Name: "structure", Text: true})
		t.Legend = page.List{"Structure: how well the clusters are separated, by the silhouette of their maps. None: they are parts of one cluster."}
	}
	colors, name := g.mapColors()
	var wall page.Wall
	more := 0
	for _, c := range g.SpRAy {
		row := page.Row{Name: c.Class, Cells: []page.Cell{{Text: page.Thousands(c.N)}, {Text: fmt.Sprint(c.K)}, {Text: c.Words()}}}
		if several {
			row.Cells = append(row.Cells, sizesOf(c)...)
		}
		t.Rows = append(t.Rows, row)
		if len(wall) >= result.ShownClasses && len(c.Clusters) > 0 {
			more++
			continue
		}
		for k := range c.Clusters {
			wall = append(wall, g.strategy(c, k, colors))
		}
	}
	blocks := []page.Block{page.Text(fmt.Sprintf("The %s maps of correctly classified images, clustered by spectral relevance analysis (SpRAy). Each cluster is a strategy of the model. "+
		"It is shown by its mean map, pooled to %d × %d, and the images nearest to the mean.",
		g.MapMethod, g.Global.Global.Side, g.Global.Global.Side))}
	for _, bar := range colorBar(name, "", "low", "high") {
		blocks = append(blocks, bar)
	}
	blocks = append(blocks, t, wall)
	if more > 0 {
		blocks = append(blocks, notShown(more))
	}
	if charts := eigenvalues(g.SpRAy); len(charts) > 0 {
		blocks = append(blocks, page.Fold{Title: "The eigenvalues of each class", Blocks: []page.Block{charts,
			page.Text("The smallest eigenvalues of the Laplacian of the graph of nearest neighbors, on one scale. The line marks the largest gap. Only a gap that is larger than in clouds of one group gives several strategies.")}})
	}
	return page.Section{Title: "Strategies", Blocks: blocks}
}

// eigenvalues draws the smallest eigenvalues of each class on a common scale.
func eigenvalues(classes []global.ClassSpRAy) page.Charts {
	var out page.Charts
	top := 0.1
	for _, c := range classes {
		if len(c.Eigenvalues) == 0 {
			continue
		}
		chart := page.Chart{
			Title: fmt.Sprintf("%s, %s", c.Class, page.Count(c.N, "map")), X: "eigenvalue, by size", Whole: true,
			Series: []page.Series{{Name: "eigenvalue", Color: page.TrainColor}}, Mark: float64(c.GapAt) + 0.5, Marked: c.Words(),
		}
		for i, v := range c.Eigenvalues {
			top = max(top, 1.04*v)
			chart.Series[0].Points = append(chart.Series[0].Points, page.Point{X: float64(i + 1), Y: v})
		}
		out = append(out, chart)
	}
	out = out[:min(len(out), result.ShownClasses)]
	for i := range out {
		out[i].Range[1] = top
	}
	return out
}

// sizesOf returns cells with the sizes of the strategies and their separation.
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

// strategy returns a shelf with a strategy's mean map and examples.
func (g *globalChapter) strategy(c global.ClassSpRAy, k int, colors heatmap.ColorMap) page.Shelf {
	cluster := c.Clusters[k]
	s := page.Shelf{Title: c.Class, Note: fmt.Sprintf("The only strategy, %s.", page.Count(cluster.Size, "map"))}
	if c.K > 1 {
		s.Title += fmt.Sprintf(", strategy %d of %d", k+1, c.K)
		s.Note = fmt.Sprintf("%d of %s.", cluster.Size, page.Count(c.N, "map"))
	}
	s.Plates = append(s.Plates, page.Plate{Title: "mean map", Pictures: []page.Picture{{
		Alt: fmt.Sprintf("Mean map of strategy %d of class %s", k+1, c.Class),
		Load: func() (image.Image, error) {
			grid, err := g.grid(cluster.Map)
			return heatmap.Paint(global.Blank(), heatmap.Options{Heat: grid, Map: colors, Alpha: 1}).Image, err
		},
	}}})
	for i, name := range cluster.Examples[:min(len(cluster.Examples), len(cluster.Images))] {
		s.Plates = append(s.Plates, page.Plate{Note: brief(cluster.Images[i]), Pictures: []page.Picture{{
			Alt:  fmt.Sprintf("Map on a photograph of class %s, number %d by nearness to strategy %d", c.Class, i+1, k+1),
			Load: func() (image.Image, error) { return picture(g.dir, name) },
		}}})
	}
	return s
}
