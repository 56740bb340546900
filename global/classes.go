package global

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"

	"oscar/explain"
	"oscar/heatmap"
)

// ClassSpRAy has the model's strategies for recognizing a class.
type ClassSpRAy struct {
	Class      string `json:"class"`
	Images     int    `json:"images"`     // images of the class
	Recognized int    `json:"recognized"` // number the model recognizes; at most 1000 of them, selected by the seed, are clustered
	Strategies
	Structure string         `json:"structure,omitempty"` // [Strategies.Structure]
	Clusters  []ClassCluster `json:"clusters"`            // largest first
}

// ClassCluster is a strategy of a class.
type ClassCluster struct {
	Size   int      `json:"size"`
	Map    string   `json:"map"`    // mean of its pooled maps, .npy, relative to the folder
	Images []string `json:"images"` // relative to the data; nearest to the mean first
	// Examples are pictures of the first images with their maps, relative to the folder; "" if an image
	// could not be read.
	Examples []string `json:"examples"`
}

// Class finds the strategies of a class. It uses the images that the model recognizes.
func (s SpRAy) Class(ctx context.Context, images []Image, class int, name string) (ClassSpRAy, error) {
	list := drawn(images, s.Seed, func(i Image) bool { return i.Recognized() && i.Class == class })
	strategies, err := s.Cluster(ctx, mapsOf(list))
	if err != nil {
		return ClassSpRAy{}, err
	}
	out := ClassSpRAy{Class: name, Strategies: *strategies, Clusters: []ClassCluster{}}
	out.Images, out.Recognized = countOf(images, class)
	if out.K > 1 {
		out.Structure = strategies.Structure()
	}
	for k, strategy := range strategies.Clusters {
		cluster := ClassCluster{Size: strategy.Size, Map: fileOf(sprayDir, name, fmt.Sprintf("-%d.npy", k+1))}
		for _, at := range strategy.Central {
			cluster.Images = append(cluster.Images, list[at].Path)
		}
		out.Clusters = append(out.Clusters, cluster)
	}
	return out, nil
}

// sprayExamples is the number of example images for a strategy on its sheet.
const sprayExamples = 5

// WriteSpRAy writes the mean maps of the strategies, and for each class a sheet with one row
// per strategy. It sets the examples in classes.
func (d Drawing) WriteSpRAy(ctx context.Context, classes []ClassSpRAy, images []Image) error {
	if err := os.Mkdir(filepath.Join(d.Dir, sprayDir), 0o777); err != nil {
		return err
	}
	maps := map[string]explain.Grid{}
	for _, i := range images {
		maps[i.Path] = i.Map
	}
	for _, class := range classes {
		var sheet [][]heatmap.Tile
		for k := range class.Clusters {
			if err := ctx.Err(); err != nil {
				return err
			}
			row, err := d.writeStrategy(class, k, maps)
			if err != nil {
				return err
			}
			sheet = append(sheet, row)
		}
		if len(sheet) == 0 {
			continue
		}
		if err := heatmap.WritePNG(filepath.Join(d.Dir, fileOf(sprayDir, class.Class, ".png")), heatmap.Montage(sheet, image.Pt(tileSide, tileSide), color.White)); err != nil {
			return err
		}
	}
	return nil
}

// writeStrategy writes the mean map and the examples of a strategy. It returns the strategy's row of
// the sheet.
func (d Drawing) writeStrategy(class ClassSpRAy, k int, maps map[string]explain.Grid) ([]heatmap.Tile, error) {
	c, mean := &class.Clusters[k], class.Strategies.Clusters[k].Mean
	if err := d.writeGrid(c.Map, mean); err != nil {
		return nil, err
	}
	row := []heatmap.Tile{heatmap.Paint(Blank(), heatmap.Options{
		Heat: mean, Map: d.Colors, Alpha: 1, Note: fmt.Sprintf("%s, strategy %d of %d: %d of %d", d.name(class.Class), k+1, class.K, c.Size, class.N),
	})}
	c.Examples = []string{}
	for n, path := range c.Images[:min(sprayExamples, len(c.Images))] {
		tile, name := d.example(path, n+1, maps[path]), ""
		if tile.Image != nil {
			name = fileOf(sprayDir, class.Class, fmt.Sprintf("-%d-%d.jpg", k+1, n+1))
			if err := heatmap.WriteJPEG(filepath.Join(d.Dir, name), tile.Image); err != nil {
				return nil, err
			}
		}
		row, c.Examples = append(row, tile), append(c.Examples, name)
	}
	return row, nil
}

// name returns the name of a class for captions.
func (d Drawing) name(class string) string {
	if d.Name == nil {
		return class
	}
	return d.Name(class)
}

// example returns a photograph with its map as it was clustered. The caption is the file's name, or
// the number if the captions' font lacks a character. There is no picture if the file cannot be
// read.
func (d Drawing) example(path string, number int, heat explain.Grid) heatmap.Tile {
	tile := heatmap.Tile{Caption: filepath.Base(path)}
	if !heatmap.Drawable(tile.Caption) {
		tile.Caption = fmt.Sprintf("image %d", number)
	}
	photo, err := d.Photo(path)
	if err != nil {
		return tile
	}
	scale := heatmap.Positive
	if d.Colors.Diverging() {
		scale = heatmap.Signed
	}
	tile.Image = heatmap.BlendFramed(photo, scale(heat), d.Framing, d.Colors, PaleAlpha)
	return tile
}
