package dataset

import (
	"image"
	"math"
	"math/bits"
	"slices"
)

// A Fingerprint is two perceptual hashes for NearDuplicates. They hardly change when an image is
// compressed, brightened or scaled, but change when it is rotated or mirrored. The bits are in the
// order of Python's ImageHash: row by row, the first is the highest.
type Fingerprint struct {
	// PHash has a bit for each of the 8x8 lowest frequencies (DCT-II) of the image at 32x32 pixels. It
	// is set if the coefficient is above the median.
	PHash uint64
	// DHash has a bit for each pixel of the image at 9x8 pixels except the first of a row. It is set if
	// the pixel is brighter than its left neighbor.
	DHash uint64
}

// Distance returns the larger of the two Hamming distances, 0 to 64.
func (f Fingerprint) Distance(g Fingerprint) int {
	return max(bits.OnesCount64(f.PHash^g.PHash), bits.OnesCount64(f.DHash^g.DHash))
}

const (
	printSide  = 32 // side of the transformed image, in pixels
	printTerms = 8  // frequencies per side
)

// cosines is the basis of the DCT-II: cosines[k][x] is cos(pi k (2x+1) / 64).
var cosines = func() (table [printTerms][printSide]float64) {
	for k := range table {
		for x := range table[k] {
			table[k][x] = math.Cos(math.Pi * float64(k*(2*x+1)) / (2 * printSide))
		}
	}
	return table
}()

// NewFingerprint computes the fingerprint of an image that is not empty. contrast reports whether
// the gray values at 32x32 pixels differ by more than rounding. Without contrast, as in an image of
// one color, fingerprints cannot be compared.
func NewFingerprint(img *image.RGBA) (f Fingerprint, contrast bool) {
	luma := toGray(img)
	small := lanczos(luma, printSide, printSide)
	return Fingerprint{pHash(small), dHash(lanczos(luma, 9, 8))}, slices.Max(small.Pix)-slices.Min(small.Pix) > 1
}

// toGray uses the weights of ITU-R 601, as Pillow does.
func toGray(img *image.RGBA) *image.Gray {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		row := img.Pix[y*img.Stride:][:4*w]
		for x := range w {
			p := row[4*x:][:3:3]
			out.Pix[y*out.Stride+x] = uint8((19595*uint32(p[0]) + 38470*uint32(p[1]) + 7471*uint32(p[2]) + 1<<15) >> 16)
		}
	}
	return out
}

// pHash hashes an image of 32x32 pixels.
func pHash(img *image.Gray) (hash uint64) {
	var columns [printTerms][printSide]float64 // [k][x]: transformed from top to bottom
	for k := range columns {
		for y := range printSide {
			for x := range printSide {
				columns[k][x] += cosines[k][y] * float64(img.Pix[y*img.Stride+x])
			}
		}
	}
	var terms [printTerms * printTerms]float64
	for i := range terms {
		for x := range printSide {
			terms[i] += columns[i/printTerms][x] * cosines[i%printTerms][x]
		}
		// Rounding makes coefficients 0 that are 0 in exact arithmetic.
		terms[i] = math.Round(terms[i] * 1e6)
	}
	sorted := slices.Sorted(slices.Values(terms[:]))
	median := (sorted[len(sorted)/2-1] + sorted[len(sorted)/2]) / 2
	for _, term := range terms {
		hash <<= 1
		if term > median {
			hash |= 1
		}
	}
	return hash
}

// dHash hashes an image of 9x8 pixels.
func dHash(img *image.Gray) (hash uint64) {
	for y := range 8 {
		row := img.Pix[y*img.Stride:][:9]
		for x := range 8 {
			hash <<= 1
			if row[x+1] > row[x] {
				hash |= 1
			}
		}
	}
	return hash
}
