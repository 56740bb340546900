package dataset

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math/bits"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"oscar/internal/testkit"
)

// The groups are those that comparing every pair of images gives, at any distance.
func TestNearPairsAreThoseOfEveryPair(t *testing.T) {
	r := newRandom(5)
	var prints []Fingerprint
	for range 60 { // families of prints that differ in a few bits
		origin := Fingerprint{r.next(), r.next()}
		for range 10 {
			f := origin
			for range r.intn(20) {
				f.PHash ^= 1 << r.intn(64)
				f.DHash ^= 1 << r.intn(64)
			}
			prints = append(prints, f)
		}
		prints = append(prints, prints[r.intn(len(prints))]) // the same again
	}
	listed := make([]int32, 0, len(prints))
	for i := range prints {
		if i%7 != 3 {
			listed = append(listed, int32(i))
		}
	}
	for distance := range MaxNearDuplicateDistance + 1 {
		slow, fast := newSets(len(prints)), newSets(len(prints))
		for _, i := range listed {
			for _, j := range listed {
				p, d := prints[i].PHash^prints[j].PHash, prints[i].DHash^prints[j].DHash
				if bits.OnesCount64(p) <= distance && bits.OnesCount64(d) <= distance {
					slow.join(i, j)
				}
			}
		}
		err := nearPairs(t.Context(), prints, listed, distance, func(i, j int32, d int) {
			if d != prints[i].Distance(prints[j]) {
				t.Errorf("pair %d, %d has distance %d, not %d", i, j, prints[i].Distance(prints[j]), d)
			}
			fast.join(i, j)
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(slow.groups(), fast.groups()); diff != "" {
			t.Errorf("distance %d (-every pair +got):\n%s", distance, diff)
		}
	}
}

// nearDuplicateFolder has four pictures, some of them again as JPEG, darker, or
// smaller, one of these in another class.
func nearDuplicateFolder(t *testing.T) *Folder {
	dir := t.TempDir()
	write := func(name string, data []byte) { testkit.Write(t, filepath.Join(dir, name), string(data)) }
	pictures := make([]*image.RGBA, 4)
	for i := range pictures {
		pictures[i] = hashedPicture{Width: 120, Height: 90, Factors: [4]int{i - 2, 3 - 2*i, 1 + i, 2 - i}}.image()
		write(fmt.Sprintf("a/%d.png", i), pngOf(t, pictures[i]))
	}
	write("b/other.png", pngOf(t, hashedPicture{Width: 120, Height: 90, Factors: [4]int{-3, 2, 0, -5}}.image()))
	write("a/0-poor.jpg", encoded(t, func(w *bytes.Buffer) error { return jpeg.Encode(w, pictures[0], &jpeg.Options{Quality: 20}) }))
	dark := image.NewRGBA(pictures[0].Rect)
	for i, v := range pictures[0].Pix {
		dark.Pix[i] = uint8(int(v) * 3 / 4)
		if i%4 == 3 {
			dark.Pix[i] = 255
		}
	}
	write("a/0-dark.png", pngOf(t, dark))
	write("b/1-small.png", pngOf(t, Resize(pictures[1], 60, 80, Bilinear)))
	f, err := Scan(t.Context(), dir, ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestNearDuplicates(t *testing.T) {
	f := nearDuplicateFolder(t)
	done := 0
	groups, err := f.NearDuplicates(t.Context(), DefaultNearDuplicateDistance, ScanOptions{Progress: func(int, int) { done++ }})
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for _, group := range groups {
		var paths []string
		for _, image := range group {
			paths = append(paths, image.Path)
			if image.Distance > DefaultNearDuplicateDistance {
				t.Errorf("%s has distance %d", image.Path, image.Distance)
			}
		}
		got = append(got, paths)
	}
	if diff := cmp.Diff([][]string{{"a/0-dark.png", "a/0-poor.jpg", "a/0.png"}, {"a/1.png", "b/1-small.png"}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if done != len(f.Items) {
		t.Errorf("progress of %d images for %d", done, len(f.Items))
	}
	// One that cannot be decoded any more is in no group, and does no harm.
	if err := os.WriteFile(filepath.Join(f.Root, "a/1.png"), []byte("no image"), 0o666); err != nil {
		t.Fatal(err)
	}
	groups, err = f.NearDuplicates(t.Context(), DefaultNearDuplicateDistance, ScanOptions{})
	if err != nil || len(groups) != 1 {
		t.Errorf("%d groups, %v", len(groups), err)
	}
	for _, distance := range []int{-1, 17} {
		_, err = f.NearDuplicates(t.Context(), distance, ScanOptions{})
		testkit.WantError(t, err, fmt.Sprintf("the distance of near duplicates is %d, want 0 to 16", distance))
	}
}

// Pictures of one color look alike to a perceptual hash. Only the same file is a duplicate.
func TestNoNearDuplicatesWithoutContrast(t *testing.T) {
	dir := t.TempDir()
	flat := func(c color.RGBA) string {
		img := image.NewRGBA(image.Rect(0, 0, 50, 40))
		draw.Draw(img, img.Rect, image.NewUniform(c), image.Point{}, draw.Src)
		return string(pngOf(t, img))
	}
	black, red := flat(color.RGBA{A: 255}), flat(color.RGBA{R: 255, A: 255})
	for name, data := range map[string]string{"a/black.png": black, "b/red.png": red, "b/again.png": red, "b/gray.png": flat(color.RGBA{77, 77, 77, 255})} {
		testkit.Write(t, filepath.Join(dir, name), data)
	}
	f, err := Scan(t.Context(), dir, ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	groups, err := f.NearDuplicates(t.Context(), MaxNearDuplicateDistance, ScanOptions{})
	if err != nil || len(groups) != 1 || len(groups[0]) != 2 || groups[0][0].Path != "b/again.png" || groups[0][1].Path != "b/red.png" || groups[0][1].Distance != 0 {
		t.Errorf("%+v, %v", groups, err)
	}
}
