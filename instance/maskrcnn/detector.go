package maskrcnn

import (
	"context"
	"fmt"
	"image"
	"math"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"oscar/instance/mask"
	"oscar/internal/graph"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// Detector detects objects. It may be used concurrently.
type Detector struct {
	Architecture Architecture

	parts   parts
	net     network
	session *graph.Session
	image   tfmodel.Tensor   // float [N,H,W,3]
	layers  []tfmodel.Tensor // of the backbone
	levels  []tfmodel.Tensor // of the pyramid
	found   found
	fixed   fixed
	saver   savedmodel.Saver

	variables []*tfmodel.Variable

	grow sync.Mutex
	taps map[tapKey]savedmodel.Tap
}

// NewDetector builds the network and loads the weights of a bundle of [Trainer.SaveWeights] or
// [Trainer.Save].
func NewDetector(ctx context.Context, a Architecture, weights string, config tfmodel.Config) (*Detector, error) {
	p, err := a.parts()
	if err != nil {
		return nil, err
	}
	g := graph.New()
	c, err := tfmodel.Compose(g, 0, p.all()...)
	if err != nil {
		return nil, err
	}
	d := &Detector{Architecture: a, parts: p, taps: map[tapKey]savedmodel.Tap{}}
	d.image = g.Placeholder("image", graph.Float, tfmodel.Shape{-1, a.Input[0], a.Input[1], 3})
	d.net = network{p, c.Inference(g.In("infer"))}
	d.layers, d.levels = d.net.pyramid(d.image)
	d.found = d.net.detect(d.levels)
	d.fixed = d.net.in("fixed").fix(d.levels)
	d.variables = c.Variables()
	d.saver = savedmodel.AddSaver(g, "save", d.variables)
	if d.session, err = g.NewSession(config); err != nil {
		return nil, err
	}
	if err := d.Restore(ctx, weights); err != nil {
		d.session.Close()
		return nil, err
	}
	return d, nil
}

// Restore replaces the weights.
func (d *Detector) Restore(ctx context.Context, weights string) error {
	return d.saver.Restore(ctx, d.session, weights)
}

// Close frees the session and the variables.
func (d *Detector) Close() error { return d.session.Close() }

// Detection is a detected object.
type Detection struct {
	Box   Box
	Class int // from 0
	Score float64
	Mask  []float32 // of the box, square and row-major; 0..1
}

// Detect returns the objects of each picture, the highest score first. pixels are [N,H,W,3] of the
// input's size.
func (d *Detector) Detect(ctx context.Context, pixels []float32) ([][]Detection, error) {
	feed, n, err := d.feed(pixels)
	if err != nil {
		return nil, err
	}
	f := d.found
	out, err := d.session.Run(ctx, []graph.Feed{feed}, []tfmodel.Tensor{f.boxes, f.classes, f.scores, f.masks})
	if err != nil {
		return nil, err
	}
	boxes, classes, scores, masks := out[0].Float32s(), out[1].Int64s(), out[2].Float32s(), out[3].Float32s()
	most, cells := len(scores)/n, d.parts.maskSide()*d.parts.maskSide()
	all := make([][]Detection, n)
	for i, score := range scores {
		if score > 0 {
			all[i/most] = append(all[i/most], Detection{
				Box: Box(boxes[4*i : 4*i+4]), Class: int(classes[i]), Score: float64(score), Mask: masks[i*cells : (i+1)*cells],
			})
		}
	}
	return all, nil
}

func (d *Detector) feed(pixels []float32) (graph.Feed, int, error) {
	s := d.Architecture.Input
	if len(pixels) == 0 || len(pixels)%s.Elements() != 0 {
		return graph.Feed{}, 0, fmt.Errorf("%d pixel values for pictures of %v", len(pixels), s)
	}
	n := len(pixels) / s.Elements()
	return graph.Feed{To: d.image, Value: graph.FromFloat32s(append(tfmodel.Shape{n}, s...), pixels)}, n, nil
}

// Paste returns a detection's mask in a picture: pixels with a mask value of at least 0.5. place
// maps pixels of the detector's input to the picture's.
func (d Detection) Paste(height, width int, place Place) mask.RLE {
	side := int(math.Sqrt(float64(len(d.Mask))))
	box := place.Picture(d.Box)
	clamped := func(v float64, n int) int { return min(max(int(v), 0), n) }
	part := image.Rectangle{
		Min: image.Pt(clamped(math.Floor(box[0]), width), clamped(math.Floor(box[1]), height)),
		Max: image.Pt(clamped(math.Ceil(box[2]), width), clamped(math.Ceil(box[3]), height)),
	}
	pixels := make([]uint8, 0, part.Dx()*part.Dy())
	for y := part.Min.Y; y < part.Max.Y; y++ {
		v := (float64(y)+0.5-box[1])/(box[3]-box[1])*float64(side) - 0.5
		for x := part.Min.X; x < part.Max.X; x++ {
			u := (float64(x)+0.5-box[0])/(box[2]-box[0])*float64(side) - 0.5
			inside := uint8(0)
			if bilinear(d.Mask, side, v, u) >= 0.5 {
				inside = 1
			}
			pixels = append(pixels, inside)
		}
	}
	return mask.EncodePart(height, width, part, pixels)
}

// PasteAll pastes the detections of one picture concurrently.
func PasteAll(found []Detection, height, width int, place Place) []mask.RLE {
	out := make([]mask.RLE, len(found))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range found {
		group.Go(func() error {
			out[i] = f.Paste(height, width, place)
			return nil
		})
	}
	group.Wait()
	return out
}

// bilinear returns the interpolated value at row v and column u, 0 outside.
func bilinear(values []float32, side int, v, u float64) float64 {
	y, x := math.Floor(v), math.Floor(u)
	at := func(y, x float64) float64 {
		if y < 0 || x < 0 || y >= float64(side) || x >= float64(side) {
			return 0
		}
		return float64(values[int(y)*side+int(x)])
	}
	dy, dx := v-y, u-x
	return (1-dy)*((1-dx)*at(y, x)+dx*at(y, x+1)) + dy*((1-dx)*at(y+1, x)+dx*at(y+1, x+1))
}

// Place is the position of a picture in the detector's input. Left and Top are its corner in pixels
// of the input. Wide and High are the scale factors from picture to input.
type Place struct{ Left, Top, Wide, High float64 }

// Picture converts a box from pixels of the input to pixels of the picture.
func (p Place) Picture(b Box) [4]float64 {
	return [4]float64{
		(float64(b[0]) - p.Left) / p.Wide, (float64(b[1]) - p.Top) / p.High,
		(float64(b[2]) - p.Left) / p.Wide, (float64(b[3]) - p.Top) / p.High,
	}
}

// Input converts a box from pixels of the picture to pixels of the input.
func (p Place) Input(b [4]float64) Box {
	return Box{
		float32(b[0]*p.Wide + p.Left), float32(b[1]*p.High + p.Top),
		float32(b[2]*p.Wide + p.Left), float32(b[3]*p.High + p.Top),
	}
}

// Pixel returns the pixel of a width x height picture at pixel (x,y) of the input. ok is false in
// the padding.
func (p Place) Pixel(x, y, width, height int) (fromX, fromY int, ok bool) {
	fromX = int(math.Floor((float64(x) + 0.5 - p.Left) / p.Wide))
	fromY = int(math.Floor((float64(y) + 0.5 - p.Top) / p.High))
	return fromX, fromY, fromX >= 0 && fromY >= 0 && fromX < width && fromY < height
}
