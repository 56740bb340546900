package scene

import (
	"image"
	"math"

	"oscar/instance/mask"
)

// pose is the position of an object in a picture: center, scale and angle.
type pose struct {
	x, y, scale, angle float64
	mirrored           bool
}

// offset converts a point of the object, relative to the object's center, to the picture. The result
// is relative to the center, too.
func (p pose) offset(u, v float64) (dx, dy float64) {
	if p.mirrored {
		u = -u
	}
	sin, cos := math.Sincos(p.angle)
	return p.scale * (u*cos - v*sin), p.scale * (u*sin + v*cos)
}

// alignCut turns and moves an object that a photograph's border cuts, so that the cut lies alignCut
// the picture. quarter selects the side of the picture. jitter, from -1 to 1, turns the object a
// little.
func (c *cutout) alignCut(p pose, size image.Point, quarter int, jitter float64) pose {
	normals := [4][2]float64{{-1, 0}, {0, -1}, {1, 0}, {0, 1}}
	n, most := 0, 0.3
	for k, cut := range c.cut {
		if cut {
			n++
			p.angle = math.Atan2(normals[quarter][1], normals[quarter][0])
			from := normals[k]
			if p.mirrored {
				from[0] = -from[0]
			}
			p.angle -= math.Atan2(from[1], from[0])
		}
	}
	if n > 1 {
		most = 0.12
	}
	turned := p
	p.angle += most * jitter
	for k, cut := range c.cut {
		if !cut {
			continue
		}
		// The side of the picture that the cut would be parallel to without jitter.
		nx, ny := turned.offset(normals[k][0], normals[k][1])
		half := [2]float64{float64(c.width) / 2, float64(c.height) / 2}
		least := math.Inf(1)
		for _, end := range [2]float64{-1, 1} {
			u, v := normals[k][0]*half[0], normals[k][1]*half[1]
			if k%2 == 0 {
				v = end * half[1]
			} else {
				u = end * half[0]
			}
			dx, dy := p.offset(u, v)
			if math.Abs(nx) > math.Abs(ny) {
				least = min(least, math.Copysign(dx, dx*nx))
			} else {
				least = min(least, math.Copysign(dy, dy*ny))
			}
		}
		const beyond = 2 // pixels
		switch {
		case math.Abs(nx) > math.Abs(ny) && nx < 0:
			p.x = least - beyond
		case math.Abs(nx) > math.Abs(ny):
			p.x = float64(size.X) - least + beyond
		case ny < 0:
			p.y = least - beyond
		default:
			p.y = float64(size.Y) - least + beyond
		}
	}
	return p
}

// layer is an object at its position, with the part of the picture that it can cover.
type layer struct {
	image.Rectangle
	color, alpha []float64 // color is multiplied by alpha
}

// placed returns an object at its position in a picture, with room for its shadow.
func (c *cutout) placed(size image.Point, p pose) layer {
	left, top, right, bottom := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, corner := range [4][2]float64{{-1, -1}, {-1, 1}, {1, -1}, {1, 1}} {
		dx, dy := p.offset(corner[0]*float64(c.width+2)/2, corner[1]*float64(c.height+2)/2)
		left, right, top, bottom = min(left, p.x+dx), max(right, p.x+dx), min(top, p.y+dy), max(bottom, p.y+dy)
	}
	l := layer{Rectangle: image.Rect(int(math.Floor(left)), int(math.Floor(top)), int(math.Ceil(right)), int(math.Ceil(bottom)))}
	l.Rectangle = l.Intersect(image.Rectangle{Max: size})
	width := l.Dx()
	l.color, l.alpha = make([]float64, 3*width*l.Dy()), make([]float64, width*l.Dy())
	sin, cos := math.Sincos(p.angle)
	const samples = 2 // per direction, because objects are reduced
	for i := range l.alpha {
		for s := range samples * samples {
			dx := float64(l.Min.X+i%width) + (float64(s%samples)+0.5)/samples - p.x
			dy := float64(l.Min.Y+i/width) + (float64(s/samples)+0.5)/samples - p.y
			u, v := (dx*cos+dy*sin)/p.scale, (dy*cos-dx*sin)/p.scale
			if p.mirrored {
				u = -u
			}
			rgb, a := c.at(v+float64(c.height)/2-0.5, u+float64(c.width)/2-0.5)
			l.alpha[i] += a / (samples * samples)
			for k := range 3 {
				l.color[3*i+k] += rgb[k] / (samples * samples)
			}
		}
	}
	return l
}

// castShadow darkens a picture by the object's alpha, which is blurred and shifted away from the
// light.
func (l layer) castShadow(canvas []float64, size image.Point, light [2]float64, reach, shade float64) {
	radius := max(1, int(reach))
	room := l.Inset(-4 * radius)
	soft := make([]float64, room.Dx()*room.Dy())
	for i, a := range l.alpha {
		soft[(i/l.Dx()+4*radius)*room.Dx()+i%l.Dx()+4*radius] = a
	}
	for range 2 {
		soft = blurred(blurred(soft, 1, room.Dx(), radius), room.Dx(), room.Dy(), radius)
	}
	dx, dy := int(math.Round(light[0]*reach)), int(math.Round(light[1]*reach))
	for i, a := range soft {
		at := image.Pt(room.Min.X+i%room.Dx()-dx, room.Min.Y+i/room.Dx()-dy)
		if a == 0 || !at.In(image.Rectangle{Max: size}) {
			continue
		}
		for k := range 3 {
			canvas[3*(at.Y*size.X+at.X)+k] *= 1 - shade*a
		}
	}
}

// paint draws the object into the picture and returns its mask.
func (l layer) paint(canvas []float64, size image.Point, gain float64) mask.RLE {
	pixels := make([]uint8, size.X*size.Y)
	for i, a := range l.alpha {
		at := (l.Min.Y+i/l.Dx())*size.X + l.Min.X + i%l.Dx()
		for k := range 3 {
			canvas[3*at+k] = (1-a)*canvas[3*at+k] + gain*l.color[3*i+k]
		}
		if a >= 0.5 {
			pixels[at] = 1
		}
	}
	return mask.Encode(size.Y, size.X, pixels)
}
