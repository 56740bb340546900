package global

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A Spectrum is a panel of [Spectra].
type Spectrum struct {
	Title string // "glass, 41 maps"
	Strategies
}

// Sizes of the panels of spectra, in pixels at 96 dots an inch.
const (
	panelWidth, panelHeight = 380, 270
	panelColumns            = 3
)

// Spectra draws the smallest eigenvalues of each class's maps in a panel, on one
// scale, with the result. The eigengap that determined the number of strategies is
// marked.
func Spectra(list []Spectrum) (image.Image, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("no spectra to draw")
	}
	columns := min(panelColumns, len(list))
	picture := image.NewRGBA(image.Rect(0, 0, columns*panelWidth, (len(list)+columns-1)/columns*panelHeight))
	draw.Draw(picture, picture.Rect, image.White, image.Point{}, draw.Src)
	top := 0.1
	for _, s := range list {
		for _, v := range s.Eigenvalues {
			top = max(top, v)
		}
	}
	for i, s := range list {
		p, err := s.panel(top)
		if err != nil {
			return nil, err
		}
		canvas := vgimg.NewWith(vgimg.UseWH(vg.Length(panelWidth)*vg.Inch/96, vg.Length(panelHeight)*vg.Inch/96), vgimg.UseDPI(96))
		p.Draw(vgdraw.Crop(vgdraw.New(canvas), 8, -8, 8, -8))
		at := image.Pt(i%columns*panelWidth, i/columns*panelHeight)
		draw.Draw(picture, image.Rectangle{at, at.Add(image.Pt(panelWidth, panelHeight))}, canvas.Image(), image.Point{}, draw.Src)
	}
	return picture, nil
}

func (s Spectrum) panel(top float64) (*plot.Plot, error) {
	p := figure(s.Title)
	p.X.Label.Text = "eigenvalue, by size"
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, keptEigenvalues+0.5, 0, top*1.05
	p.X.Tick.Marker, p.Y.Tick.Marker = every(5), plot.DefaultTicks{}
	lines := plotter.NewGrid()
	lines.Horizontal.Color, lines.Vertical.Color = grid, color.Transparent
	p.Add(lines)
	p.Legend.XOffs, p.Legend.YOffs = -4, 6 // below the points, which rise to the right
	if len(s.Eigenvalues) == 0 {
		p.Legend.Add(s.Words())
		return p, nil
	}
	if s.GapAt > 0 {
		low, high, at := s.Eigenvalues[s.GapAt-1], s.Eigenvalues[s.GapAt], float64(s.GapAt)+0.5
		gap, err := plotter.NewLine(plotter.XYs{{X: at, Y: low}, {X: at, Y: high}})
		if err != nil {
			return nil, err
		}
		gap.Width, gap.Color = 3, pale
		if s.K > 1 {
			gap.Color = amber
		}
		p.Add(gap)
		p.Legend.Add(s.Words(), gap)
	}
	points := make(plotter.XYs, len(s.Eigenvalues))
	for i, v := range s.Eigenvalues {
		points[i] = plotter.XY{X: float64(i + 1), Y: v}
	}
	dots, err := plotter.NewScatter(points)
	if err != nil {
		return nil, err
	}
	dots.Color, dots.Radius, dots.Shape = blue, 2.5, vgdraw.CircleGlyph{}
	p.Add(dots)
	return p, nil
}

// every marks the multiples of a number, from itself on.
type every int

func (e every) Ticks(_, high float64) []plot.Tick {
	var ticks []plot.Tick
	for v := int(e); float64(v) <= high; v += int(e) {
		ticks = append(ticks, plot.Tick{Value: float64(v), Label: strconv.Itoa(v)})
	}
	return ticks
}
