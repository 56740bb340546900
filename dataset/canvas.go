package dataset

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/vector"
)

// A point is a position on an object, or a direction. The object lies within -0.5
// to 0.5; y points down.
type point struct{ x, y float64 }

func (p point) length() float64 { return math.Hypot(p.x, p.y) }

// An rgb is a color with components from 0 to 1.
type rgb struct{ r, g, b float64 }

func (c rgb) times(f float64) rgb { return rgb{c.r * f, c.g * f, c.b * f} }

// blend interpolates from a (t = 0) to b (t = 1).
func blend(a, b rgb, t float64) rgb {
	return rgb{a.r + t*(b.r-a.r), a.g + t*(b.g-a.g), a.b + t*(b.b-a.b)}
}

// hsv returns the color of hue, saturation and value from 0 to 1; hues are periodic.
func hsv(h, s, v float64) rgb {
	channel := func(n float64) float64 {
		k := math.Mod(n+6*(h-math.Floor(h)), 6)
		return v * (1 - s*max(0, min(k, 4-k, 1)))
	}
	return rgb{channel(5), channel(3), channel(1)}
}

// A curve is a closed outline: straight from point to point, or round.
type curve []segment

// A segment ends at a point; with a control point it is bent.
type segment struct {
	to, control point
	bent        bool
}

func line(x, y float64) segment { return segment{to: point{x, y}} }

func bend(cx, cy, x, y float64) segment {
	return segment{to: point{x, y}, control: point{cx, cy}, bent: true}
}

func polygon(points ...point) curve {
	var c curve
	for _, p := range points {
		c = append(c, segment{to: p})
	}
	return c
}

func rectangle(x0, y0, x1, y1 float64) curve {
	return polygon(point{x0, y0}, point{x1, y0}, point{x1, y1}, point{x0, y1})
}

// ellipse returns an ellipse, clockwise, or anticlockwise if ry is negative. An anticlockwise one
// inside a clockwise one makes a hole.
func ellipse(cx, cy, rx, ry float64) curve {
	const corners = 16
	reach := 1 / math.Cos(math.Pi/corners) // of the control points
	at := func(turn, r float64) point {
		sin, cos := math.Sincos(2 * math.Pi * turn / corners)
		return point{cx + rx*r*cos, cy + ry*r*sin}
	}
	var c curve
	for i := range corners {
		p, q := at(float64(i)+0.5, reach), at(float64(i)+1, 1)
		c = append(c, bend(p.x, p.y, q.x, q.y))
	}
	return c
}

// rounded returns a rectangle about the origin with corners of radius r.
func rounded(halfW, halfH, r float64) curve {
	w, h := halfW, halfH
	return curve{
		line(w-r, -h), bend(w, -h, w, -h+r),
		line(w, h-r), bend(w, h, w-r, h),
		line(-w+r, h), bend(-w, h, -w, h-r),
		line(-w, -h+r), bend(-w, -h, -w+r, -h),
	}
}

// A canvas is a picture that is being drawn, and the mask of its object.
type canvas struct {
	w, h    int
	pixels  []rgb     // [h, w]
	object  []float64 // [h, w], share of a pixel that the object covers, 0 to 1
	colors  []rgb     // [h, w], of the object
	colored []bool    // [h, w], whether colors is set
	// The position of the object: its center in pixels, its scale in pixels per unit and
	// its rotation, clockwise.
	cx, cy, scale float64
	sin, cos      float64
	light         point // unit vector towards the light on the object
}

func newCanvas(w, h int) *canvas {
	return &canvas{
		w: w, h: h,
		pixels: make([]rgb, w*h), object: make([]float64, w*h),
		colors: make([]rgb, w*h), colored: make([]bool, w*h),
	}
}

// place moves the object to (cx, cy), in pixels, and rotates it by angle.
func (c *canvas) place(cx, cy, scale, angle float64) {
	c.cx, c.cy, c.scale = cx, cy, scale
	c.sin, c.cos = math.Sincos(angle)
}

// toPixels maps a point on the object to the picture.
func (c *canvas) toPixels(p point) (x, y float32) {
	return float32(c.cx + c.scale*(p.x*c.cos-p.y*c.sin)), float32(c.cy + c.scale*(p.x*c.sin+p.y*c.cos))
}

// toObject maps the center of pixel (x, y) to the object.
func (c *canvas) toObject(x, y int) point {
	dx, dy := (float64(x)+0.5-c.cx)/c.scale, (float64(y)+0.5-c.cy)/c.scale
	return point{dx*c.cos + dy*c.sin, dy*c.cos - dx*c.sin}
}

// edge rises from 0 to 1 within one pixel, where a distance on the object (in units) passes through
// 0.
func (c *canvas) edge(distance float64) float64 {
	return max(0, min(1, 0.5+distance*c.scale))
}

// coverage rasterizes outlines with anti-aliasing. The result covers only the touched part of the
// canvas.
func (c *canvas) coverage(outlines ...curve) *image.Alpha {
	var touched image.Rectangle
	for _, outline := range outlines {
		for _, s := range outline {
			for _, p := range []point{s.to, s.control} {
				x, y := c.toPixels(p)
				if p == s.to || s.bent {
					touched = touched.Union(image.Rect(int(x)-1, int(y)-1, int(x)+2, int(y)+2))
				}
			}
		}
	}
	alpha := image.NewAlpha(touched.Intersect(image.Rect(0, 0, c.w, c.h)))
	z := vector.NewRasterizer(alpha.Rect.Dx(), alpha.Rect.Dy())
	z.DrawOp = draw.Src
	at := func(p point) (x, y float32) {
		x, y = c.toPixels(p)
		return x - float32(alpha.Rect.Min.X), y - float32(alpha.Rect.Min.Y)
	}
	for _, outline := range outlines {
		z.MoveTo(at(outline[len(outline)-1].to))
		for _, s := range outline {
			x, y := at(s.to)
			if s.bent {
				bx, by := at(s.control)
				z.QuadTo(bx, by, x, y)
			} else {
				z.LineTo(x, y)
			}
		}
		z.ClosePath()
	}
	z.Draw(alpha, alpha.Rect, image.NewUniform(color.Opaque), image.Point{})
	return alpha
}

// each visits the pixels that outlines cover. It passes the pixel's index and covered share, 0 to 1.
func (c *canvas) each(outlines []curve, visit func(x, y, i int, covered float64)) {
	alpha := c.coverage(outlines...)
	for y := alpha.Rect.Min.Y; y < alpha.Rect.Max.Y; y++ {
		row := alpha.Pix[alpha.PixOffset(alpha.Rect.Min.X, y):][:alpha.Rect.Dx()]
		for x, a := range row {
			if a > 0 {
				x += alpha.Rect.Min.X
				visit(x, y, y*c.w+x, float64(a)/255)
			}
		}
	}
}

// cover adds the area inside outlines to the object's mask.
func (c *canvas) cover(outlines ...curve) {
	c.each(outlines, func(_, _, i int, covered float64) {
		c.object[i] = 1 - (1-c.object[i])*(1-covered)
	})
}

// fill colors the object inside outlines. paint returns the color at a point of the object. Only
// areas that cover adds become visible.
func (c *canvas) fill(paint func(point) rgb, outlines ...curve) {
	c.each(outlines, func(x, y, i int, covered float64) {
		if !c.colored[i] {
			c.colored[i], covered = true, 1
		}
		c.colors[i] = blend(c.colors[i], paint(c.toObject(x, y)), covered)
	})
}

// lay draws the object over the picture where its mask is. The mask is exact even if several parts
// overlap.
func (c *canvas) lay() {
	for i, covered := range c.object {
		c.pixels[i] = blend(c.pixels[i], c.colors[i], covered)
	}
}

// mask returns 255 where the object covers at least half of a pixel, else 0.
func (c *canvas) mask() *image.Gray {
	mask := image.NewGray(image.Rect(0, 0, c.w, c.h))
	for i, covered := range c.object {
		if covered >= 0.5 {
			mask.Pix[i] = 255
		}
	}
	return mask
}

// blur smooths values [h, w] by a box filter of the given radius in pixels, three times,
// which is close to a Gaussian. The border is repeated.
func blur(values []float64, w, h, radius int) []float64 {
	src, dst := append([]float64(nil), values...), make([]float64, len(values))
	for range 3 {
		blurLines(dst, src, h, w, w, 1, radius) // along the rows
		blurLines(src, dst, w, h, 1, w, radius) // along the columns
	}
	return src
}

// blurLines averages over a sliding window along each line.
func blurLines(dst, src []float64, lines, length, lineStep, step, radius int) {
	for i := range lines {
		at := func(j int) float64 { return src[i*lineStep+max(0, min(length-1, j))*step] }
		sum := 0.0
		for j := -radius; j <= radius; j++ {
			sum += at(j)
		}
		for j := range length {
			dst[i*lineStep+j*step] = sum / float64(2*radius+1)
			sum += at(j+radius+1) - at(j-radius)
		}
	}
}
