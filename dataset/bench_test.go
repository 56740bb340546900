package dataset

import (
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"testing"
)

// photo is a JPEG of the size of those of TrashNet.
func photo(t testing.TB, seed uint64) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 512, 384))
	r := newRandom(seed)
	for y := range 384 {
		for x := range 512 {
			v := uint8(100 + x/8 + y/8 + r.intn(24))
			img.SetRGBA(x, y, color.RGBA{v, v - 20, v - 40, 255})
		}
	}
	return jpegOf(t, img)
}

func BenchmarkDecode(b *testing.B) {
	small := mosaic()
	large := uniform(512, 384, mosaicC)
	for _, bench := range []struct {
		name string
		data []byte
	}{
		{"jpeg", photo(b, 1)},
		{"jpeg-turned", jpegWithEXIF(photo(b, 1), grayTIFF(6))},
		{"png", pngOf(b, large)},
		{"gif", gifOf(b, large)},
		{"bmp", bmpOf(b, large)},
		{"png-64x32", pngOf(b, small)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(bench.data, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRead reads a photograph's file and hashes it, as a folder run does.
func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "photo.jpg")
	if err := os.WriteFile(path, photo(b, 1), 0o666); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		data, err := ReadFile(path, DefaultLimits)
		if err != nil {
			b.Fatal(err)
		}
		sha256.Sum256(data)
	}
}

func BenchmarkResize(b *testing.B) {
	img, err := Decode(photo(b, 1), Limits{})
	if err != nil {
		b.Fatal(err)
	}
	for _, how := range []Interpolation{Bilinear, Lanczos3} {
		b.Run(string(how), func(b *testing.B) {
			for b.Loop() {
				Resize(img, 227, 227, how)
			}
		})
	}
}

// An iteration is an epoch of 64 photos of 512x384 pixels, in batches of 32.
func BenchmarkBatch(b *testing.B) {
	files := map[string][]byte{}
	for i := range 64 {
		files[fmt.Sprintf("%c/%02d.jpg", 'a'+i%2, i)] = photo(b, uint64(i))
	}
	folder, err := Scan(b.Context(), writeTree(b, files), ScanOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for _, mode := range []CacheMode{CacheNone, CacheMemory, CacheDisk} {
		b.Run(string(mode), func(b *testing.B) {
			l := newLoader(b, LoaderOptions{Root: folder.Root, Framing: Framing{Height: 227, Width: 227}, Cache: mode, CacheDir: filepath.Join(b.TempDir(), "cache")})
			epoch := func() {
				for _, err := range l.Batches(b.Context(), folder.Items, nil, 32) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			if mode != CacheNone {
				epoch()
			}
			b.ReportAllocs()
			images := 0
			for b.Loop() {
				epoch()
				images += len(folder.Items)
			}
			b.ReportMetric(float64(images)/b.Elapsed().Seconds(), "images/s")
		})
	}
}

func BenchmarkSyntheticImage(b *testing.B) {
	for class, name := range SyntheticClasses {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := SyntheticImage(class, 1, SyntheticOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The conversion of a decoded JPEG, next to that of Go, which does not interpolate.
func BenchmarkJPEGColors(b *testing.B) {
	for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420} {
		src := image.NewYCbCr(image.Rect(0, 0, 512, 384), ratio)
		r := newRandom(1)
		for i := range src.Y {
			src.Y[i] = uint8(100 + r.intn(50))
		}
		for i := range src.Cb {
			src.Cb[i], src.Cr[i] = uint8(100+r.intn(50)), uint8(100+r.intn(50))
		}
		b.Run(ratio.String()[len("YCbCrSubsampleRatio"):]+"/libjpeg", func(b *testing.B) {
			for b.Loop() {
				jpegRGB(src)
			}
		})
		b.Run(ratio.String()[len("YCbCrSubsampleRatio"):]+"/go", func(b *testing.B) {
			for b.Loop() {
				draw.Draw(image.NewRGBA(src.Rect), src.Rect, src, image.Point{}, draw.Src)
			}
		})
	}
}
