package dataset

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// still is the change that changes nothing.
func still() change {
	return unchanged
}

// gray makes pixels of levels, rows of one width.
func gray(levels ...uint8) []uint8 {
	var pixels []uint8
	for _, v := range levels {
		pixels = append(pixels, v, v, v)
	}
	return pixels
}

func changed(c change, pixels []uint8, height, width int) []uint8 {
	out := slices.Clone(pixels)
	c.apply(out, make([]uint8, len(out)), height, width)
	return out
}

// Small cases worked out by hand.
func TestWarpByHand(t *testing.T) {
	square := gray(
		10, 20, 30,
		40, 50, 60,
		70, 80, 90)
	wide := gray(
		0, 10, 20, 30,
		100, 110, 120, 130)
	for name, test := range map[string]struct {
		edit          func(*change)
		pixels        []uint8
		height, width int
		want          []uint8
	}{
		"nothing":    {func(*change) {}, square, 3, 3, square},
		"left right": {func(c *change) { c.flipX = true }, wide, 2, 4, gray(30, 20, 10, 0, 130, 120, 110, 100)},
		"up down":    {func(c *change) { c.flipY = true }, wide, 2, 4, gray(100, 110, 120, 130, 0, 10, 20, 30)},
		// Anticlockwise: what was on top is on the left.
		"quarter turn": {func(c *change) { c.rotation = math.Pi / 2 }, square, 3, 3, gray(30, 60, 90, 20, 50, 80, 10, 40, 70)},
		"half turn":    {func(c *change) { c.rotation = math.Pi }, wide, 2, 4, gray(130, 120, 110, 100, 30, 20, 10, 0)},
		// A shift to the right in the source moves the picture left.
		"shift":           {func(c *change) { c.shiftX = 0.25 }, wide, 2, 4, gray(10, 20, 30, 30, 110, 120, 130, 130)},
		"shift, reflect":  {func(c *change) { c.shiftX, c.mode = 0.5, FillReflect }, wide, 2, 4, gray(20, 30, 30, 20, 120, 130, 130, 120)},
		"shift, constant": {func(c *change) { c.shiftX, c.mode, c.fill = -0.25, FillConstant, 7 }, wide, 2, 4, gray(7, 0, 10, 20, 7, 100, 110, 120)},
		"shift by half":   {func(c *change) { c.shiftX = 0.125 }, wide, 2, 4, gray(5, 15, 25, 30, 105, 115, 125, 130)},
		"down":            {func(c *change) { c.shiftY = -1.0 / 3 }, square, 3, 3, gray(10, 20, 30, 10, 20, 30, 40, 50, 60)},
		// Half the width and height about the middle.
		"zoom in":  {func(c *change) { c.zoomX, c.zoomY = 0.5, 0.5 }, square, 3, 3, gray(30, 35, 40, 45, 50, 55, 60, 65, 70)},
		"zoom out": {func(c *change) { c.zoomX, c.mode = 2, FillConstant }, square, 3, 3, gray(0, 20, 0, 0, 50, 0, 0, 80, 0)},
		// A quarter of the area, in the upper left corner: columns 0.25 to 1.25.
		"crop": {func(c *change) { c.side, c.cropX, c.cropY = 0.5, -0.5, -0.5 }, gray(0, 40, 80, 120, 0, 40, 80, 120), 2, 4, gray(0, 10, 30, 50, 0, 10, 30, 50)},
	} {
		t.Run(name, func(t *testing.T) {
			c := still()
			test.edit(&c)
			if got := changed(c, test.pixels, test.height, test.width); !slices.Equal(got, test.want) {
				t.Errorf("got %v\nwant %v", got, test.want)
			}
		})
	}
}

func TestTintByHand(t *testing.T) {
	pixels := []uint8{100, 50, 200, 0, 0, 0, 255, 255, 255, 20, 20, 20}
	// Grays 0.299*100 + 0.587*50 + 0.114*200 = 82.05, 0, 255, 20: mean 89.2625.
	for name, test := range map[string]struct {
		edit func(*change)
		want []uint8
	}{
		"brightness": {func(c *change) { c.brightness = 1.5 }, []uint8{150, 75, 255, 0, 0, 0, 255, 255, 255, 30, 30, 30}},
		"dark":       {func(c *change) { c.brightness = 0 }, make([]uint8, 12)},
		"contrast":   {func(c *change) { c.contrast = 0.5 }, []uint8{95, 70, 145, 45, 45, 45, 172, 172, 172, 55, 55, 55}},
		"no color":   {func(c *change) { c.saturation = 0 }, []uint8{82, 82, 82, 0, 0, 0, 255, 255, 255, 20, 20, 20}},
		"colorful":   {func(c *change) { c.saturation = 2 }, []uint8{118, 18, 255, 0, 0, 0, 255, 255, 255, 20, 20, 20}},
		"full turn":  {func(c *change) { c.hue = 2 * math.Pi }, pixels},
	} {
		c := still()
		test.edit(&c)
		if got := changed(c, pixels, 2, 2); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
	// Hue leaves grays and lightness as they are, and is not idle.
	c := still()
	c.hue = 1
	got := changed(c, []uint8{120, 90, 140, 77, 77, 77}, 1, 2)
	if !slices.Equal(got[3:], []uint8{77, 77, 77}) {
		t.Errorf("a gray became %v", got[3:])
	}
	if was, is := meanGray([]uint8{120, 90, 140}), meanGray(got[:3]); math.Abs(was-is) > 1 || slices.Equal(got[:3], []uint8{120, 90, 140}) {
		t.Errorf("%v has lightness %g, was %g", got[:3], is, was)
	}
}

// Keras, SciPy and torchvision say the same of the same image.
func TestAugmentAsKerasAndTorchvision(t *testing.T) {
	var oracle struct {
		Height, Width int
		Image         []int // []uint8 would be base64
		Geometry      []struct {
			Given struct {
				Theta, TX, TY, Shear float64
				ZX, ZY               *float64
				FillMode             FillMode `json:"fill_mode"`
				CVal                 uint8
			}
			Pixels []float64
		}
		Color []struct {
			Name   string
			Factor float64
			Pixels []float64
		}
	}
	b, err := os.ReadFile("testdata/augment.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &oracle); err != nil {
		t.Fatal(err)
	}
	var pixels []uint8
	for _, v := range oracle.Image {
		pixels = append(pixels, uint8(v))
	}
	compare := func(what any, c change, want []float64) {
		t.Helper()
		got, most := changed(c, pixels, oracle.Height, oracle.Width), 0.0
		for i := range want {
			most = max(most, math.Abs(float64(got[i])-want[i]))
		}
		if most > 0.6 { // half a level of rounding, and 1/2048 of a pixel
			t.Errorf("%+v: %g levels from the oracle's", what, most)
		}
	}
	if len(oracle.Geometry) < 12 || len(oracle.Color) < 6 {
		t.Fatalf("%d and %d cases", len(oracle.Geometry), len(oracle.Color))
	}
	for _, test := range oracle.Geometry {
		given, c := test.Given, still()
		c.rotation, c.shear = given.Theta*math.Pi/180, given.Shear*math.Pi/180
		c.shiftX, c.shiftY = given.TX/float64(oracle.Width), given.TY/float64(oracle.Height)
		if given.ZX != nil {
			c.zoomX, c.zoomY = *given.ZX, *given.ZY
		}
		c.mode, c.fill = given.FillMode, given.CVal
		compare(given, c, test.Pixels)
	}
	for _, test := range oracle.Color {
		c := still()
		*map[string]*float64{"brightness": &c.brightness, "contrast": &c.contrast, "saturation": &c.saturation}[test.Name] = test.Factor
		compare(test.Name, c, test.Pixels)
	}
}

// Whatever is drawn, an image of one color stays that color unless colors
// change, and nothing is read from beyond the image.
func TestWarpKeepsColor(t *testing.T) {
	r := newRandom(3)
	v := everything()
	v.Brightness, v.Contrast, v.Saturation, v.Hue = Factor{}, Factor{}, Factor{}, Span{}
	v.Equalize, v.Posterize, v.Solarize, v.RandomErasing = false, 0, 0, 0
	for _, mode := range []FillMode{FillNearest, FillReflect} {
		v.FillMode = mode
		for range 300 {
			height, width := 1+r.intn(9), 1+r.intn(9)
			pixels := make([]uint8, 3*height*width)
			for i := range pixels {
				pixels[i] = []uint8{200, 0, 255}[i%3]
			}
			if got := changed(v.draw(r), pixels, height, width); !slices.Equal(got, pixels) {
				t.Fatalf("%dx%d became %v", height, width, got)
			}
		}
	}
}
