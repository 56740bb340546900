package page

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Epoch is a point of the learning curves.
type Epoch struct {
	Number                             int // from 1
	Loss, Accuracy                     float64
	ValidationLoss, ValidationAccuracy float64
}

// The colours of training and validation: told apart by the colour-blind too.
var (
	trainColor      = color.RGBA{R: 0x1f, G: 0x5f, B: 0xa8, A: 0xff}
	validationColor = color.RGBA{R: 0xd9, G: 0x6c, B: 0x06, A: 0xff}
	gridColor       = color.Gray{Y: 0xe4}
)

// Curves draws loss and accuracy over the epochs, side by side, training and
// validation in each. best marks the epoch that was kept; 0: none.
func Curves(epochs []Epoch, best int) (image.Image, error) {
	if len(epochs) == 0 {
		return nil, fmt.Errorf("no epochs to draw")
	}
	loss, err := panel("loss", epochs, best, func(e Epoch) (float64, float64) { return e.Loss, e.ValidationLoss })
	if err != nil {
		return nil, err
	}
	accuracy, err := panel("accuracy", epochs, best, func(e Epoch) (float64, float64) { return e.Accuracy, e.ValidationAccuracy })
	if err != nil {
		return nil, err
	}
	accuracy.Y.Min, accuracy.Y.Max = 0, 1
	accuracy.Legend.Top = false // where curves that rise are not
	const side, margin = 4 * vg.Inch, 0.15 * vg.Inch
	picture := image.NewRGBA(image.Rect(0, 0, 960, 384))
	for i, p := range []*plot.Plot{loss, accuracy} {
		canvas := vgimg.NewWith(vgimg.UseWH(1.25*side, side), vgimg.UseDPI(96))
		p.Draw(vgdraw.Crop(vgdraw.New(canvas), margin, -margin, margin, -margin))
		at := image.Rect(i*480, 0, (i+1)*480, 384)
		draw.Draw(picture, at, canvas.Image(), image.Point{}, draw.Src)
	}
	return picture, nil
}

// panel draws one figure of training and validation.
func panel(name string, epochs []Epoch, best int, values func(Epoch) (train, validation float64)) (*plot.Plot, error) {
	p := plot.New()
	for _, style := range []*font.Font{&p.Title.TextStyle.Font, &p.X.Label.TextStyle.Font, &p.X.Tick.Label.Font, &p.Y.Tick.Label.Font, &p.Legend.TextStyle.Font} {
		style.Variant = "Sans"
	}
	p.Title.Text = name
	p.X.Label.Text = "epoch"
	p.Title.Padding = vg.Points(6)
	p.Legend.Top = true
	p.Legend.Padding = vg.Points(3)
	p.X.Min, p.X.Max = 0, float64(epochs[len(epochs)-1].Number)
	p.Y.Min = 0
	p.X.Tick.Marker = wholeTicks{}
	p.X.Tick.Label.Font.Size, p.Y.Tick.Label.Font.Size = vg.Points(9), vg.Points(9)
	p.X.Padding, p.Y.Padding = 0, 0
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = gridColor, gridColor
	p.Add(grid)
	if best > 0 {
		mark, err := plotter.NewLine(plotter.XYs{{X: float64(best), Y: 0}, {X: float64(best), Y: largest(epochs, values)}})
		if err != nil {
			return nil, err
		}
		mark.Color, mark.Dashes = color.Gray{Y: 0x80}, []vg.Length{vg.Points(3), vg.Points(3)}
		p.Add(mark)
		p.Legend.Add(fmt.Sprintf("kept: epoch %d", best), mark)
	}
	for i, series := range []struct {
		name  string
		color color.Color
	}{{"training", trainColor}, {"validation", validationColor}} {
		points := make(plotter.XYs, len(epochs))
		for j, e := range epochs {
			train, validation := values(e)
			points[j] = plotter.XY{X: float64(e.Number), Y: []float64{train, validation}[i]}
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = series.color, vg.Points(2)
		p.Add(line)
		p.Legend.Add(series.name, line)
	}
	return p, nil
}

// wholeTicks marks whole numbers, ten at the most.
type wholeTicks struct{}

func (wholeTicks) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	step := 1.0
	for _, next := range []float64{2, 5, 10, 20, 50, 100, 200, 500, 1000} {
		if (high-low)/step > 10 {
			step = next
		}
	}
	for v := math.Ceil(low/step) * step; v <= high; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprint(v)})
	}
	return ticks
}

func largest(epochs []Epoch, values func(Epoch) (float64, float64)) float64 {
	top := 0.0
	for _, e := range epochs {
		train, validation := values(e)
		top = max(top, train, validation)
	}
	return top
}
