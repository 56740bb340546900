package pipeline

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/explain"
	"oscar/global"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/npy"
	"oscar/internal/text"
)

// Within a folder of global explanations.
const (
	globalFile   = "global.json"
	averagesFile = "averages.png"
	spectraFile  = "spectra.png"
	treePicture  = "tree.png"
	treeText     = "tree.txt"
	featuresFile = "features.csv"
	tcavPicture  = "tcav.png"
)

// write writes all results, or none.
func (g *globally) write(ctx context.Context, seen *globalImages) error {
	err := atomicfile.Dir(g.Out, func(dir string) error {
		for _, part := range []struct {
			made  bool
			write func(context.Context, string, *globalImages) error
		}{
			{g.result.Averages != nil, g.writeAverages},
			{g.result.SpRAy != nil, g.writeSpRAy},
			{g.result.Tree != nil && g.result.Tree.Tree != nil, g.writeTree},
			{g.result.TCAV != nil, g.writeTCAV},
		} {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !part.made {
				continue
			}
			if err := part.write(ctx, dir, seen); err != nil {
				return err
			}
		}
		if err := atomicfile.WriteJSON(filepath.Join(dir, globalFile), g.result); err != nil {
			return err
		}
		return vacant(g.Out) // as it was when the work began
	})
	if file, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("cannot write %s: %w", g.Out, file.Err) // whose path is one that is gone
	}
	return err
}

// globalSide is the side of a picture on a sheet, in pixels.
const globalSide = 280

// writeAverages writes the mean maps, and a sheet with three pictures a class:
// the mean photograph, the mean map on it, which has its sign whatever the
// method, and the deviation.
func (g *globally) writeAverages(_ context.Context, dir string, seen *globalImages) error {
	if err := os.Mkdir(filepath.Join(dir, "averages"), 0o777); err != nil {
		return err
	}
	var tiles []heatmap.Tile
	for i, a := range g.result.Averages {
		if a.N == 0 {
			continue
		}
		sum := seen.sums[g.classes[i]]
		mean, deviation := sum.maps.Mean(), sum.maps.Deviation()
		photo := dataset.Resize(g.meanPhoto(sum), globalSide, globalSide, dataset.Bilinear)
		if err := errors.Join(writeGrid(dir, a.Map, mean), writeGrid(dir, a.Deviation, deviation), heatmap.WriteJPEG(filepath.Join(dir, a.Photo), photo)); err != nil {
			return err
		}
		tiles = append(tiles,
			heatmap.Tile{Image: photo, Caption: fmt.Sprintf("%s, mean of %d photographs", a.Class, a.N)},
			heatmap.Paint(photo, heatmap.Options{Heat: mean, Map: g.diverging(), Alpha: paleAlpha, Note: fmt.Sprintf("dispersion %.2g, centre %.2g", a.Dispersion, a.Center)}),
			heatmap.Paint(photo, heatmap.Options{Heat: deviation, Alpha: g.Settings.Alpha, Note: "standard deviation"}))
	}
	if len(tiles) == 0 {
		return nil
	}
	across := 3
	if len(tiles) > 9 {
		across = 6
	}
	rows := slices.Collect(slices.Chunk(tiles, across))
	return heatmap.WritePNG(filepath.Join(dir, averagesFile), heatmap.Montage(rows, image.Pt(globalSide, globalSide), color.White))
}

func writeGrid(dir, name string, grid explain.Grid) error {
	return npy.Write(filepath.Join(dir, name), []int{grid.Height, grid.Width}, grid.Values)
}

// meanPhoto is the mean of a class's photographs, as the model sees them.
func (g *globally) meanPhoto(s *classSum) *image.RGBA {
	in := g.bundle.Metadata.Image
	img := image.NewRGBA(image.Rect(0, 0, in.Width, in.Height))
	for i := range in.Width * in.Height {
		for c := range 3 {
			img.Pix[4*i+c] = uint8((s.photo[3*i+c] + uint32(s.maps.N)/2) / uint32(s.maps.N))
		}
		img.Pix[4*i+3] = 255
	}
	return img
}

// diverging are the colours of maps with a sign.
func (g *globally) diverging() heatmap.ColorMap { return colourMap(g.Settings.SignedColorMap) }

// colours are those of the maps that are clustered: diverging if their method
// has signs.
func (g *globally) colours() heatmap.ColorMap {
	for _, m := range Methods() {
		if m.Name == g.methods()[1] && m.Signed {
			return g.diverging()
		}
	}
	return colourMap(g.Settings.ColorMap)
}

// colourMap looks up a name that was checked.
func colourMap(name string) heatmap.ColorMap {
	out, err := heatmap.LookupColorMap(name)
	if err != nil {
		panic("pipeline: " + err.Error())
	}
	return out
}

// sprayExamples is how many images stand for a strategy on its sheet, paleAlpha the
// share of a map's colours where they are pale about zero.
const (
	sprayExamples = 5
	paleAlpha     = 0.6
)

// writeSpRAy writes the strategies' mean maps, a sheet a class with a row a
// strategy, and the eigenvalues.
func (g *globally) writeSpRAy(ctx context.Context, dir string, seen *globalImages) error {
	if err := os.Mkdir(filepath.Join(dir, "spray"), 0o777); err != nil {
		return err
	}
	heat := map[string]explain.Grid{}
	for _, s := range seen.images {
		heat[s.item.Path] = s.heat
	}
	var spectra []global.Spectrum
	for i, class := range g.result.SpRAy {
		spectra = append(spectra, global.Spectrum{Title: fmt.Sprintf("%s, %s", class.Class, text.Count(class.N, "map")), Strategies: class.Strategies})
		var sheet [][]heatmap.Tile
		for k, c := range class.Clusters {
			if err := ctx.Err(); err != nil {
				return err
			}
			mean := class.Strategies.Clusters[k].Mean
			if err := writeGrid(dir, c.Map, mean); err != nil {
				return err
			}
			row := []heatmap.Tile{g.alone(mean, fmt.Sprintf("%s, strategy %d of %d: %d of %d", class.Class, k+1, class.K, c.Size, class.N))}
			examples := []string{}
			for n, path := range c.Images[:min(sprayExamples, len(c.Images))] {
				tile, name := g.example(path, heat[path]), ""
				if tile.Image != nil {
					name = sprayFile(class.Class, fmt.Sprintf("-%d-%d.jpg", k+1, n+1))
					if err := heatmap.WriteJPEG(filepath.Join(dir, name), tile.Image); err != nil {
						return err
					}
				}
				row, examples = append(row, tile), append(examples, name)
			}
			g.result.SpRAy[i].Clusters[k].Examples = examples
			sheet = append(sheet, row)
		}
		if len(sheet) == 0 {
			continue
		}
		if err := heatmap.WritePNG(filepath.Join(dir, sprayFile(class.Class, ".png")), heatmap.Montage(sheet, image.Pt(globalSide, globalSide), color.White)); err != nil {
			return err
		}
	}
	picture, err := global.Spectra(spectra)
	if err != nil {
		return err
	}
	return heatmap.WritePNG(filepath.Join(dir, spectraFile), picture)
}

// blank is white paper for a map.
func blank() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, globalSide, globalSide))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	return img
}

// alone is a map without a photograph, its scale below it.
func (g *globally) alone(heat explain.Grid, caption string) heatmap.Tile {
	return heatmap.Paint(blank(), heatmap.Options{Heat: heat, Map: g.colours(), Alpha: 1, Note: caption})
}

// example is a photograph under its map, as it was clustered; without a picture
// if the file has gone meanwhile.
func (g *globally) example(path string, heat explain.Grid) heatmap.Tile {
	tile := heatmap.Tile{Caption: filepath.Base(path)}
	photo, err := dataset.DecodeFile(filepath.Join(g.part.root, filepath.FromSlash(path)), g.part.limits)
	if err != nil {
		return tile
	}
	scale, colours := heatmap.Positive, g.colours()
	if colours.Diverging() {
		scale = heatmap.Signed
	}
	tile.Image = heatmap.Blend(reduced(photo), scale(heat), colours, paleAlpha)
	return tile
}

// writeTree writes the tree as text and picture, and the table of features.
func (g *globally) writeTree(_ context.Context, dir string, _ *globalImages) error {
	s := g.result.Tree
	text := s.notes() + "\n\n" + s.Tree.String()
	return errors.Join(
		s.writeFeatures(filepath.Join(dir, featuresFile)),
		os.WriteFile(filepath.Join(dir, treeText), []byte(text), 0o666),
		heatmap.WritePNG(filepath.Join(dir, treePicture), s.Tree.Picture(s.notes())),
	)
}

// writeTCAV draws the answers.
func (g *globally) writeTCAV(_ context.Context, dir string, _ *globalImages) error {
	var panels []global.Bars
	for _, c := range g.result.TCAV.Concepts {
		p := global.Bars{Title: fmt.Sprintf("%s, %s", c.Concept, text.Count(c.Images, "image"))}
		for _, class := range c.Classes {
			p.Classes, p.Answers = append(p.Classes, class.Class), append(p.Answers, class.Sensitivity)
		}
		if len(p.Answers) > 0 && p.Answers[0].HeldOut > 0 {
			p.Title += fmt.Sprintf(", %.0f %% told right", 100*p.Answers[0].Accuracy)
		}
		panels = append(panels, p)
	}
	picture, err := global.ConceptBars(panels, g.result.TCAV.Comparisons)
	if err != nil {
		return err
	}
	return heatmap.WritePNG(filepath.Join(dir, tcavPicture), picture)
}
