package explain

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// SLIC divides an image into superpixels of similar color and size. It is k-means on color and
// position together, with centers that reach only nearby pixels.
//
//	D^2 = |Lab - Lab'|^2 + (Compactness/S)^2 |position - position'|^2
//
// Achanta et al. 2012, TPAMI 34(11), doi:10.1109/TPAMI.2012.120, eq. 3 and algorithm 1. S is the
// distance of the initial centers; colors are CIELAB. Then every superpixel becomes one connected
// component, as in section III.B: small components join the neighbor with the nearest center. (In
// the authors' code they join the neighbor on the left, which can turn a textured image into a
// single superpixel.) Nothing is random.
type SLIC struct {
	Segments    int     // approximate number; 0: 50
	Compactness float64 // weight of the position relative to the color; 0: 10
	Iterations  int     // of k-means; 0: 10
}

// Segment divides one image. It uses the first three channels, or the first if there are fewer than
// three.
func (s SLIC) Segment(image Images) Segmentation {
	segments := max(1, cmp.Or(s.Segments, 50))
	pitch := math.Sqrt(float64(image.Height*image.Width) / float64(segments))
	k := clusters{
		height: image.Height, width: image.Width, pitch: pitch,
		colors: labs(image), labels: make([]int, image.Height*image.Width),
		weight: math.Pow(cmp.Or(s.Compactness, 10)/pitch, 2),
	}
	k.initialize()
	for range cmp.Or(s.Iterations, 10) {
		k.assign()
		k.move()
	}
	return k.connect()
}

// centroid is the center of a superpixel, in color and position.
type centroid struct {
	color lab
	y, x  float64
}

// clusters is the state of the k-means.
type clusters struct {
	height, width int
	pitch         float64 // S
	weight        float64 // (Compactness/S)^2
	reach         float64 // distance that a center reaches, in each direction
	colors        []lab
	labels        []int
	centers       []centroid
	distances     []float64
}

// initialize puts the centers on a grid, moves each to the lowest gradient nearby, and assigns every
// pixel to its cell of the grid.
func (k *clusters) initialize() {
	rows := max(1, int(math.Round(float64(k.height)/k.pitch)))
	columns := max(1, int(math.Round(float64(k.width)/k.pitch)))
	for row := range rows {
		for column := range columns {
			y, x := k.lowestGradientNear((2*row+1)*k.height/(2*rows), (2*column+1)*k.width/(2*columns))
			k.centers = append(k.centers, centroid{k.colors[y*k.width+x], float64(y), float64(x)})
		}
	}
	for i := range k.labels {
		y, x := i/k.width, i%k.width
		k.labels[i] = y*rows/k.height*columns + x*columns/k.width
	}
	k.reach = max(float64(k.height)/float64(rows), float64(k.width)/float64(columns))
	k.distances = make([]float64, len(k.labels))
}

// lowestGradientNear returns the position of the lowest gradient within one pixel
// of y and x.
func (k *clusters) lowestGradientNear(y, x int) (int, int) {
	at := func(y, x int) lab {
		return k.colors[min(max(y, 0), k.height-1)*k.width+min(max(x, 0), k.width-1)]
	}
	least, bestY, bestX := math.Inf(1), y, x
	for v := max(y-1, 0); v <= min(y+1, k.height-1); v++ {
		for u := max(x-1, 0); u <= min(x+1, k.width-1); u++ {
			if g := at(v, u-1).distance(at(v, u+1)) + at(v-1, u).distance(at(v+1, u)); g < least {
				least, bestY, bestX = g, v, u
			}
		}
	}
	return bestY, bestX
}

// assign assigns each pixel to the nearest of the centers that reach it.
func (k *clusters) assign() {
	for i := range k.distances {
		k.distances[i] = math.Inf(1)
	}
	for label, c := range k.centers {
		for y := max(0, int(c.y-k.reach)); y <= min(k.height-1, int(c.y+k.reach)); y++ {
			for x := max(0, int(c.x-k.reach)); x <= min(k.width-1, int(c.x+k.reach)); x++ {
				i := y*k.width + x
				if d := k.distance(centroid{k.colors[i], float64(y), float64(x)}, c); d < k.distances[i] {
					k.distances[i], k.labels[i] = d, label
				}
			}
		}
	}
}

// distance returns D^2.
func (k *clusters) distance(a, b centroid) float64 {
	dy, dx := a.y-b.y, a.x-b.x
	return a.color.distance(b.color) + k.weight*(dy*dy+dx*dx)
}

// move moves each center to the mean of its pixels.
func (k *clusters) move() {
	means, sizes := k.means(k.labels, len(k.centers))
	for label, mean := range means {
		if sizes[label] > 0 {
			k.centers[label] = mean
		}
	}
}

// means returns the mean color and position of each label's pixels, and their
// number.
func (k *clusters) means(labels []int, count int) (means []centroid, sizes []float64) {
	means, sizes = make([]centroid, count), make([]float64, count)
	for i, label := range labels {
		mean := &means[label]
		for c := range mean.color {
			mean.color[c] += k.colors[i][c]
		}
		mean.y += float64(i / k.width)
		mean.x += float64(i % k.width)
		sizes[label]++
	}
	for label, n := range sizes {
		mean := &means[label]
		for c := range mean.color {
			mean.color[c] /= n
		}
		mean.y /= n
		mean.x /= n
	}
	return means, sizes
}

// connect makes every superpixel connected. It keeps the largest component of each cluster, and
// components of at least a quarter of S^2. Other components join the adjacent superpixel with the
// smallest D, when there is one.
func (k *clusters) connect() Segmentation {
	labels, count := pieces(k.labels, k.height, k.width)
	means, sizes := k.means(labels, count)
	largest := make([]int, len(k.centers)) // component of each cluster
	for c := range largest {
		largest[c] = -1
	}
	for i, p := range labels {
		if c := k.labels[i]; largest[c] < 0 || sizes[p] > sizes[largest[c]] {
			largest[c] = p
		}
	}
	owner := make([]int, count) // superpixel of each component; -1: none so far
	var centers []centroid      // of each superpixel
	for p := range owner {
		owner[p] = -1
		if sizes[p] >= k.pitch*k.pitch/4 || slices.Contains(largest, p) {
			owner[p] = len(centers)
			centers = append(centers, means[p])
		}
	}
	for slices.Contains(owner, -1) {
		nearest := make(map[int]float64, count)
		next := slices.Clone(owner)
		touch := func(p, q int) {
			if owner[p] >= 0 || owner[q] < 0 {
				return
			}
			d := k.distance(means[p], centers[owner[q]])
			if least, ok := nearest[p]; !ok || d < least {
				nearest[p], next[p] = d, owner[q]
			}
		}
		for i, p := range labels {
			if i%k.width < k.width-1 {
				touch(p, labels[i+1])
				touch(labels[i+1], p)
			}
			if i+k.width < len(labels) {
				touch(p, labels[i+k.width])
				touch(labels[i+k.width], p)
			}
		}
		owner = next
	}
	for i, p := range labels {
		labels[i] = owner[p]
	}
	return Segmentation{k.height, k.width, len(centers), labels}
}

// pieces numbers the connected components of equal labels, in the order of their first pixels.
func pieces(labels []int, height, width int) (numbers []int, count int) {
	numbers = slices.Repeat([]int{-1}, height*width)
	var piece []int
	for start := range numbers {
		if numbers[start] >= 0 {
			continue
		}
		reach := func(i int) {
			if numbers[i] < 0 && labels[i] == labels[start] {
				numbers[i] = count
				piece = append(piece, i)
			}
		}
		reach(start)
		for len(piece) > 0 {
			i := piece[len(piece)-1]
			piece = piece[:len(piece)-1]
			if i%width > 0 {
				reach(i - 1)
			}
			if i%width < width-1 {
				reach(i + 1)
			}
			if i >= width {
				reach(i - width)
			}
			if i+width < len(numbers) {
				reach(i + width)
			}
		}
		count++
	}
	return numbers, count
}

// Segmentation is an image divided into superpixels. Labels has the number of each pixel's
// superpixel, 0 to Count-1, row by row.
type Segmentation struct {
	Height, Width, Count int
	Labels               []int
}

// check returns an error if the segmentation does not fit the image.
func (s Segmentation) check(image Images) error {
	if s.Height != image.Height || s.Width != image.Width || len(s.Labels) != s.Height*s.Width {
		return fmt.Errorf("a segmentation of %dx%d, %d labels, for an image of %dx%d",
			s.Height, s.Width, len(s.Labels), image.Height, image.Width)
	}
	for _, label := range s.Labels {
		if label < 0 || label >= s.Count {
			return fmt.Errorf("superpixel %d of %d", label, s.Count)
		}
	}
	return nil
}

// mean returns the image with each superpixel in its mean color.
func (s Segmentation) mean(image Images) []float32 {
	sums := make([]float64, s.Count*image.Channels)
	sizes := make([]float64, s.Count)
	for i, label := range s.Labels {
		sizes[label]++
		for c := range image.Channels {
			sums[label*image.Channels+c] += float64(image.Pixels[i*image.Channels+c])
		}
	}
	flat := make([]float32, len(image.Pixels))
	for i, label := range s.Labels {
		for c := range image.Channels {
			flat[i*image.Channels+c] = float32(sums[label*image.Channels+c] / sizes[label])
		}
	}
	return flat
}
