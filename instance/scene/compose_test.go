package scene

import (
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/instance/mask"
	"oscar/internal/testkit"
)

// The object of a drawn photograph, with shadow and noise, is found against its background; the
// drawn mask is the truth.
func TestCutoutsOfDrawnPhotographs(t *testing.T) {
	var overlaps []float64
	drawn := 0
	for class := range dataset.SyntheticClasses {
		for index := range 4 {
			img, truth, err := dataset.SyntheticImage(class, index, dataset.SyntheticOptions{Seed: 3, Width: 160, Height: 160})
			if err != nil {
				t.Fatal(err)
			}
			drawn++
			alpha, _, err := cutFromBackground(img)
			if err != nil {
				t.Logf("%s %d: %v", dataset.SyntheticClasses[class], index, err)
				continue
			}
			pixels := make([]uint8, len(alpha))
			for i, a := range alpha {
				if a >= 0.5 {
					pixels[i] = 1
				}
			}
			overlap := mask.IoU(mask.Encode(160, 160, pixels), mask.Encode(160, 160, truth.Pix), false)
			t.Logf("%s %d: IoU %.3f", dataset.SyntheticClasses[class], index, overlap)
			overlaps = append(overlaps, overlap)
		}
	}
	slices.Sort(overlaps)
	if len(overlaps) < drawn/2 || overlaps[len(overlaps)/2] < 0.9 || overlaps[len(overlaps)/5] < 0.7 {
		t.Errorf("%d of %d cut out, IoU %.2f", len(overlaps), drawn, overlaps)
	}
}

// An object at the border of its photograph is found with the side that cuts it.
func TestCutByTheBorder(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 96, 72))
	for i := range 96 * 72 {
		img.SetRGBA(i%96, i/96, color.RGBA{200, 204, 202, 255})
		if x, y := i%96, i/96; x > 50 && y > 20 && y < 50 {
			img.SetRGBA(x, y, color.RGBA{160, uint8(20 + x), 30, 255})
		}
	}
	alpha, cut, err := cutFromBackground(img)
	if err != nil || cut != (sides{false, false, true, false}) || alpha[30*96+95] != 1 || alpha[30*96+30] != 0 {
		t.Error(cut, err)
	}
}

// Where a photograph ended lies outside the scene, whatever the angle.
func TestCutsLieOutside(t *testing.T) {
	size := image.Pt(100, 80)
	normals := [4][2]float64{{-1, 0}, {0, -1}, {1, 0}, {0, 1}}
	for _, cut := range []sides{{true}, {false, true}, {false, false, true}, {false, false, false, true}, {true, true}, {true, false, false, true}} {
		for quarter := range 4 {
			for _, mirrored := range []bool{false, true} {
				for _, jitter := range []float64{-1, 0.3, 1} {
					c := &cutout{height: 30, width: 50, cut: cut}
					p := c.alignCut(pose{x: 50, y: 40, scale: 0.7, mirrored: mirrored}, size, quarter, jitter)
					for k, n := range normals {
						if !cut[k] {
							continue
						}
						for _, along := range []float64{-1, 0, 1} {
							u, v := 25*(n[0]+along*n[1]), 15*(n[1]+along*n[0])
							dx, dy := p.offset(u, v)
							if x, y := p.x+dx, p.y+dy; x > 0 && y > 0 && x < 100 && y < 80 {
								t.Fatalf("cut %v, quarter %d: (%.1f, %.1f) is inside", cut, quarter, x, y)
							}
						}
					}
				}
			}
		}
	}
}

// rectangles are pictures with alpha: a rectangle of blocks, others in each.
func rectangles(t *testing.T, dir, class string, red uint8, n int) {
	for k := range n {
		img := image.NewNRGBA(image.Rect(0, 0, 64, 64))
		for y := 10; y < 30+k; y++ {
			for x := 8; x < 40+2*k; x++ {
				img.SetNRGBA(x, y, color.NRGBA{red, uint8(20 * k), uint8((x/6*37 + y/5*91 + x/6*y/5*(k+1)*57 + k*k*131) * 77), 255})
			}
		}
		testkit.WritePNG(t, filepath.Join(dir, class, string(rune('a'+k))+".png"), img)
	}
}

// Objects with alpha keep their shape. Scenes are a function of the seed, and each part has
// photographs of its own.
func TestCompose(t *testing.T) {
	photos := t.TempDir()
	rectangles(t, photos, "can", 255, 8)
	rectangles(t, photos, "cup", 10, 8)
	c, err := newCutout(filepath.Join(photos, "can", "a.png"), 1, dataset.Limits{})
	if err != nil || c.width != 34 || c.height != 22 || c.class != 1 {
		t.Fatalf("%+v %v", c, err)
	}
	o := ComposeOptions{Photos: photos, Options: Options{Scenes: 20, Width: 64, Height: 64, Seed: 5}, OnStage: func(string) {}}
	var first []byte
	for range 2 {
		dir := filepath.Join(t.TempDir(), "scenes")
		s, err := Compose(t.Context(), dir, o)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, part := range Parts {
			for _, k := range s.Objects[part] {
				n += k
			}
		}
		if s.Photos != 16 || n != 16 || len(s.Refused) > 0 {
			t.Errorf("%+v", s)
		}
		set, err := Open(t.Context(), dir, Train)
		if err != nil {
			t.Fatal(err)
		}
		objects := 0
		for _, scene := range set.Scenes {
			objects += len(scene.Objects)
		}
		if objects < 16 {
			t.Errorf("%d objects in 16 scenes", objects)
		}
		b, err := os.ReadFile(filepath.Join(dir, "images", "train", "000002.png"))
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !slices.Equal(b, first) {
			t.Error("the same seed composes another picture")
		}
		first = b
	}
	o.Photographs = true
	dir := filepath.Join(t.TempDir(), "photographs")
	if _, err := Compose(t.Context(), dir, o); err != nil {
		t.Fatal(err)
	}
	photographs := 0
	for _, part := range Parts {
		set, err := Open(t.Context(), dir, part)
		if err != nil || set.Missing() != nil {
			t.Fatal(err, set.Missing())
		}
		for _, s := range set.Scenes {
			photographs++
			k := int(s.Image.FileName[4] - 'a') // the rectangle that was drawn
			if m := s.Objects[0].Mask; m.Box() != [4]float64{8, 10, float64(32 + 2*k), float64(20 + k)} || m.Area() != (32+2*k)*(20+k) || set.Classes[s.Objects[0].Class] != s.Image.FileName[:3] {
				t.Errorf("%s: %v", s.Image.FileName, m.Box())
			}
		}
	}
	if photographs != 16 {
		t.Errorf("%d photographs", photographs)
	}
	o.Photographs = false
	for k := range 8 { // photographs of nothing
		img := image.NewGray(image.Rect(0, 0, 64, 64))
		for i := range img.Pix {
			img.Pix[i] = uint8(180 + (i*i>>k)%4 + 5*k)
		}
		testkit.WritePNG(t, filepath.Join(photos, "none", string(rune('a'+k))+".png"), img)
	}
	if _, err := Compose(t.Context(), filepath.Join(t.TempDir(), "x"), o); err == nil || !strings.Contains(err.Error(), "no object of class none") {
		t.Error(err)
	}
}
