package dataset

import (
	"fmt"
	"image"
	"math"
)

// SyntheticObject is an object of a [SyntheticScene].
type SyntheticObject struct {
	Class   int         // an index into SyntheticClasses
	Visible *image.Gray // 255 where it is visible, else 0
	Whole   *image.Gray // 255 for the object including hidden parts, else 0
}

// SyntheticScene draws scene number index: two to seven objects. Later objects may hide earlier
// ones. Half of the objects are placed near another one, and half of these have its class. The
// result depends only on the index and on Seed, Width and Height of the options.
func SyntheticScene(index int, opts SyntheticOptions) (*image.RGBA, []SyntheticObject, error) {
	opts, err := opts.sized()
	if err != nil {
		return nil, nil, err
	}
	if index < 0 {
		return nil, nil, fmt.Errorf("no synthetic scene %d", index)
	}
	r := newRandom(opts.Seed, uint64(len(shapes)), uint64(index)) // no class has this number
	picture := newCanvas(opts.Width, opts.Height)
	side := float64(min(picture.w, picture.h))
	sin, cos := math.Sincos(r.uniform(0, 2*math.Pi))
	light := point{cos, sin}
	picture.background(r, light, side)
	type place struct {
		x, y  float64
		class int
	}
	var places []place
	var objects []SyntheticObject
	for range 2 + r.intn(6) {
		at := place{r.uniform(0.1, 0.9) * float64(picture.w), r.uniform(0.1, 0.9) * float64(picture.h), r.intn(len(shapes))}
		if len(places) > 0 && r.uniform(0, 1) < 0.5 {
			near := places[r.intn(len(places))]
			sin, cos := math.Sincos(r.uniform(0, 2*math.Pi))
			distance := r.uniform(0.12, 0.28) * side
			at.x = max(0.05*side, min(float64(picture.w)-0.05*side, near.x+cos*distance))
			at.y = max(0.05*side, min(float64(picture.h)-0.05*side, near.y+sin*distance))
			if r.uniform(0, 1) < 0.5 {
				at.class = near.class
			}
		}
		places = append(places, at)
		c := newCanvas(picture.w, picture.h)
		c.pixels = picture.pixels
		c.place(at.x, at.y, r.uniform(0.22, 0.48)*side, r.uniform(-math.Pi, math.Pi))
		c.light = point{light.x*c.cos + light.y*c.sin, light.y*c.cos - light.x*c.sin}
		shapes[at.class].draw(c, r)
		c.shadow(r, light, side)
		c.lay()
		mask := c.mask()
		for _, o := range objects {
			for i, covered := range mask.Pix {
				if covered != 0 {
					o.Visible.Pix[i] = 0
				}
			}
		}
		visible := image.NewGray(mask.Rect)
		copy(visible.Pix, mask.Pix)
		objects = append(objects, SyntheticObject{at.class, visible, mask})
	}
	return picture.develop(r), objects, nil
}
