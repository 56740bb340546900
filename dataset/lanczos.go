package dataset

import (
	"image"
	"math"
)

// lanczos scales a gray image bit for bit as Pillow's resize does with Resampling.LANCZOS. The
// weights have 22 bits; between the two passes the image has 8. It returns an image of the right
// size itself.
func lanczos(img *image.Gray, width, height int) *image.Gray {
	size := img.Rect.Size()
	if size.X != width {
		narrow := image.NewGray(image.Rect(0, 0, width, size.Y))
		for x, k := range lanczosKernels(size.X, width) {
			for y := range size.Y {
				narrow.Pix[y*narrow.Stride+x] = k.apply(img.Pix[y*img.Stride:], 1)
			}
		}
		img = narrow
	}
	if size.Y != height {
		low := image.NewGray(image.Rect(0, 0, width, height))
		for y, k := range lanczosKernels(size.Y, height) {
			for x := range width {
				low.Pix[y*low.Stride+x] = k.apply(img.Pix[x:], img.Stride)
			}
		}
		img = low
	}
	return img
}

const kernelBits = 22

// A kernel is the weights of neighboring pixels, starting at first.
type kernel struct {
	first   int
	weights []int
}

func (k kernel) apply(pixels []uint8, stride int) uint8 {
	sum := 1 << (kernelBits - 1)
	for i, w := range k.weights {
		sum += w * int(pixels[(k.first+i)*stride])
	}
	return uint8(min(max(sum>>kernelBits, 0), 255))
}

// lanczosKernels returns the kernel of each output pixel of a line.
func lanczosKernels(from, to int) []kernel {
	kernels := make([]kernel, to)
	scale := float64(from) / float64(to)
	wide := max(scale, 1)
	for i := range kernels {
		center := (float64(i) + 0.5) * scale
		first := max(int(center-3*wide+0.5), 0)
		raw := make([]float64, min(int(center+3*wide+0.5), from)-first)
		sum := 0.0
		for j := range raw {
			raw[j] = lanczos3((float64(first+j) - center + 0.5) / wide)
			sum += raw[j]
		}
		k := kernel{first: first, weights: make([]int, len(raw))}
		for j, w := range raw {
			k.weights[j] = int(math.Round(w / sum * (1 << kernelBits)))
		}
		kernels[i] = k
	}
	return kernels
}

func lanczos3(x float64) float64 {
	if x < -3 || x >= 3 {
		return 0
	}
	return sinc(x) * sinc(x/3)
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}
