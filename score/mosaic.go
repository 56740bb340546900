package score

import (
	"fmt"
	"slices"

	"oscar/explain"
)

// Mosaic is the plan of a mosaic: two images of the target class and two of other classes, in the
// order top left, top right, bottom left, bottom right.
type Mosaic struct {
	Target    int       `json:"target"`
	Images    [4]int    `json:"images"` // indices of the images
	Quadrants Quadrants `json:"quadrants"`
}

// PlanMosaics plans perClass mosaics for each class, given the class of every image (Arias-Duart et
// al. 2021, arXiv:2109.15035). The images of the class are shuffled and taken two at a time,
// starting again when they run out, so that each is used about equally often. The images of all
// other classes are used in the same way. Then the four images are shuffled. The draws depend only
// on seed and class. A class has no mosaic if it has fewer than two images, or the other classes
// have. It is an error if no class has one.
func PlanMosaics(classes []int, perClass int, seed uint64) ([]Mosaic, error) {
	if perClass < 1 {
		return nil, fmt.Errorf("cannot plan %d mosaics a class; want at least 1", perClass)
	}
	var plan []Mosaic
	for _, target := range distinct(classes) {
		var own, others []int
		for i, class := range classes {
			if class == target {
				own = append(own, i)
			} else {
				others = append(others, i)
			}
		}
		if len(own) < 2 || len(others) < 2 {
			continue
		}
		random := stream(seed, "mosaic", nil, target)
		random.Shuffle(len(own), func(i, j int) { own[i], own[j] = own[j], own[i] })
		random.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
		for k := range perClass {
			m := Mosaic{
				Target: target,
				Images: [4]int{
					own[2*k%len(own)], own[(2*k+1)%len(own)],
					others[2*k%len(others)], others[(2*k+1)%len(others)],
				},
				Quadrants: Quadrants{true, true, false, false},
			}
			random.Shuffle(4, func(i, j int) {
				m.Images[i], m.Images[j] = m.Images[j], m.Images[i]
				m.Quadrants[i], m.Quadrants[j] = m.Quadrants[j], m.Quadrants[i]
			})
			plan = append(plan, m)
		}
	}
	if len(plan) == 0 {
		return nil, fmt.Errorf("no class has two images and two of other classes; mosaics need them")
	}
	return plan, nil
}

// distinct returns the classes in ascending order, without duplicates.
func distinct(classes []int) []int {
	list := slices.Clone(classes)
	slices.Sort(list)
	return slices.Compact(list)
}

// DrawMosaics returns the cases of planned mosaics, each with the size of one image. The four images
// are reduced to half the size: a pixel is the mean of the area that it covers. If the size is odd,
// the right and lower quarters are one pixel larger. load returns the pixels [height,width,channels]
// of an image.
func DrawMosaics(plan []Mosaic, height, width, channels int, load func(image int) ([]float32, error)) (Cases, error) {
	size := height * width * channels
	if height < 2 || width < 2 || channels < 1 {
		return Cases{}, fmt.Errorf("no mosaic can be %dx%d with %d channels", height, width, channels)
	}
	cases := Cases{
		Images:    explain.Images{N: len(plan), Height: height, Width: width, Channels: channels, Pixels: make([]float32, len(plan)*size)},
		Targets:   make([]int, len(plan)),
		Quadrants: make([]Quadrants, len(plan)),
	}
	for k, m := range plan {
		cases.Targets[k], cases.Quadrants[k] = m.Target, m.Quadrants
		out := cases.Images.Slice(k, k+1).Pixels
		for q, number := range m.Images {
			image, err := load(number)
			if err != nil {
				return Cases{}, fmt.Errorf("mosaic of image %d: %w", number, err)
			}
			if len(image) != size {
				return Cases{}, fmt.Errorf("mosaic of image %d: %d values; want %dx%dx%d", number, len(image), height, width, channels)
			}
			top, rows := half(q/2, height)
			left, columns := half(q%2, width)
			shrink(out[(top*width+left)*channels:], width, rows, columns, image, height, width, channels)
		}
	}
	return cases, nil
}

// half returns the start and the length of half h of n.
func half(h, n int) (start, length int) {
	if h == 0 {
		return 0, n / 2
	}
	return n / 2, n - n/2
}

// shrink writes an image, reduced to rows x columns, into a picture of width stride.
func shrink(out []float32, stride, rows, columns int, image []float32, height, width, channels int) {
	across := cover(width, columns)
	for y, vertical := range cover(height, rows) {
		for x, horizontal := range across {
			for c := range channels {
				sum := 0.0
				for i, wy := range vertical.weights {
					row := (vertical.start + i) * width
					for j, wx := range horizontal.weights {
						sum += wy * wx * float64(image[(row+horizontal.start+j)*channels+c])
					}
				}
				out[(y*stride+x)*channels+c] = float32(sum)
			}
		}
	}
}

// span is a range of pixels that a reduced pixel covers, with the share of each.
type span struct {
	start   int
	weights []float64
}

// cover returns the spans of m pixels that cover n pixels, m <= n.
func cover(n, m int) []span {
	spans := make([]span, m)
	for i := range spans {
		// In units of 1/m pixel the borders are integers.
		from, to := i*n, (i+1)*n
		s := span{start: from / m}
		for at := s.start; at*m < to; at++ {
			overlap := min((at+1)*m, to) - max(at*m, from)
			s.weights = append(s.weights, float64(overlap)/float64(n))
		}
		spans[i] = s
	}
	return spans
}
