package formats

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"maps"
	"math"
	"path"
	"slices"
	"strings"

	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/internal/jsonerror"
	"oscar/internal/paths"
)

// labelMe is a file of LabelMe: a picture and its shapes.
type labelMe struct {
	Shapes []struct {
		Label   string       `json:"label"`
		Points  [][2]float64 `json:"points"`
		GroupID *int64       `json:"group_id"`
		Type    string       `json:"shape_type"`
		Mask    string       `json:"mask"` // base64 of a PNG file that covers the box of the points
	} `json:"shapes"`
	ImagePath string `json:"imagePath"`
	ImageData string `json:"imageData"` // base64 of the picture; may be empty
	Height    int    `json:"imageHeight"`
	Width     int    `json:"imageWidth"`
}

func (f files) labelMe(name string) (*labelMe, error) {
	b, err := f.read(name, 256<<20)
	if err != nil {
		return nil, err
	}
	var l labelMe
	if err := jsonerror.Plain(json.Unmarshal(b, &l)); err != nil {
		return nil, fmt.Errorf("it is not a file of LabelMe: %w", err)
	}
	if l.Shapes == nil || l.ImagePath == "" {
		return nil, errors.New("it is not a file of LabelMe: it has no shapes or no imagePath")
	}
	return &l, nil
}

// labelMePicture returns the path of the picture of a file of LabelMe, or the picture within the file
// and a path for it.
func (f files) labelMePicture(name string, l *labelMe) (file string, data []byte, err error) {
	if l.Height < 1 || l.Width < 1 {
		return "", nil, errors.New("it has no imageHeight or no imageWidth")
	}
	if err := mask.CheckSize(l.Height, l.Width); err != nil {
		return "", nil, err
	}
	file, err = f.picture(path.Dir(name), l.ImagePath)
	switch {
	case err == nil:
		return file, nil, nil
	case l.ImageData == "":
		return "", nil, fmt.Errorf("%w, and no imageData", err)
	}
	if data, err = base64.StdEncoding.DecodeString(l.ImageData); err != nil {
		return "", nil, fmt.Errorf("imageData: %w", err)
	}
	extension := ".jpg"
	if bytes.HasPrefix(data, []byte("\x89PNG")) {
		extension = ".png"
	}
	return strings.TrimSuffix(name, path.Ext(name)) + extension, data, nil
}

// readLabelMe reads every JSON file. Shapes with the same label and group_id are one object, as in
// LabelMe's own converters. A file without a picture, or of another program, is an unusable picture.
func readLabelMe(f files) (*source, error) {
	s := &source{leftOut: map[string]int{}}
	class := map[string]int{}
	var all []*labelMe
	var names []string
	for _, name := range f.with(".json") {
		l, err := f.labelMe(name)
		if err != nil {
			s.pictures = append(s.pictures, picture{name: name, at: f.at(name), part: partOf(path.Dir(name)), missing: err})
			continue
		}
		all, names = append(all, l), append(names, name)
		for k, shape := range l.Shapes {
			if shape.Label == "" {
				s.refuse("%s: shape %d has no label", f.at(name), k+1)
			}
			if shape.Label != "__ignore__" && shape.Label != "_background_" {
				class[shape.Label] = 0
			}
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	s.classes = slices.Sorted(maps.Keys(class))
	for i, name := range s.classes {
		class[name] = i
	}
	for i, l := range all {
		at := f.at(names[i])
		p := picture{at: at, part: partOf(path.Dir(names[i])), size: image.Pt(l.Width, l.Height)}
		p.name, p.data, p.missing = f.labelMePicture(names[i], l)
		if p.missing != nil {
			p.name = names[i]
			s.pictures = append(s.pictures, p)
			continue
		}
		groups := map[string]int{} // the index of each group's object
		for k, shape := range l.Shapes {
			if _, known := class[shape.Label]; !known {
				continue
			}
			seg, err := shapeMask(shape.Type, shape.Points, shape.Mask, l.Height, l.Width)
			if err != nil {
				s.refuse("%s: shape %d: %w", at, k+1, err)
				continue
			}
			if seg == nil {
				s.leftOut[fmt.Sprintf("a shape of type %q, which has no area", shape.Type)]++
				continue
			}
			if shape.GroupID != nil {
				key := fmt.Sprint(*shape.GroupID, " ", shape.Label)
				if first, ok := groups[key]; ok {
					if p.objects[first].mask, err = joined(p.objects[first].mask, *seg, l.Height, l.Width); err != nil {
						s.refuse("%s: shape %d: %w", at, k+1, err)
					}
					continue
				}
				groups[key] = len(p.objects)
			}
			p.objects = append(p.objects, object{at: fmt.Sprintf("shape %d", k+1), class: class[shape.Label], mask: *seg})
		}
		s.pictures = append(s.pictures, p)
	}
	return s, nil
}

// joined returns the union of two masks.
func joined(a, b coco.Segmentation, height, width int) (coco.Segmentation, error) {
	if a.Runs == nil && b.Runs == nil {
		return coco.Segmentation{Polygons: append(a.Polygons, b.Polygons...)}, nil
	}
	one, err := a.Mask(height, width)
	if err != nil {
		return a, err
	}
	other, err := b.Mask(height, width)
	if err != nil {
		return a, err
	}
	return coco.Of(mask.Union(one, other)), nil
}

// shapeMask returns the mask of a shape, or nil for a kind of shape without an area.
func shapeMask(kind string, points [][2]float64, text string, height, width int) (*coco.Segmentation, error) {
	var corners []float64
	switch kind {
	case "polygon", "": // old files have no type
		if len(points) < 3 {
			return nil, fmt.Errorf("a polygon of %d points, want 3 or more", len(points))
		}
		for _, p := range points {
			corners = append(corners, p[0], p[1])
		}
	case "rectangle", "circle", "mask":
		if len(points) != 2 {
			return nil, fmt.Errorf("a %s of %d points, want 2", kind, len(points))
		}
		a, b := points[0], points[1]
		switch kind {
		case "rectangle":
			corners = []float64{a[0], a[1], b[0], a[1], b[0], b[1], a[0], b[1]}
		case "circle":
			corners = circle(a, b)
		case "mask":
			return pasted(text, points, height, width)
		}
	default:
		return nil, nil
	}
	return &coco.Segmentation{Polygons: [][]float64{corners}}, nil
}

// circle returns LabelMe's polygon of a circle, which is given by its middle and a point on it. The
// sides are at most a pixel inside the circle.
func circle(middle, on [2]float64) (corners []float64) {
	r := math.Hypot(on[0]-middle[0], on[1]-middle[1])
	n := 12
	if r > 1 && r < 1<<20 {
		n = max(n, int(math.Pi/math.Acos(1-1/r)))
	}
	for i := range n {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		corners = append(corners, middle[0]+r*sin, middle[1]+r*cos)
	}
	return corners
}

// pasted returns the mask of a PNG file that fills the box of two points.
func pasted(text string, points [][2]float64, height, width int) (*coco.Segmentation, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("its mask: %w", err)
	}
	c, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil || int64(len(b)) > paths.Record || c.Width > width || c.Height > height {
		return nil, fmt.Errorf("its mask is no PNG of at most the picture's size %d x %d", width, height)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("its mask: %w", err)
	}
	left, top := points[0][0], points[0][1]
	if !(left >= 0 && top >= 0 && left <= float64(width) && top <= float64(height)) {
		return nil, fmt.Errorf("its mask begins at (%g, %g), outside of the picture", left, top)
	}
	pixels := make([]uint8, height*width)
	for y := range c.Height {
		for x := range c.Width {
			at := image.Pt(int(left)+x, int(top)+y)
			if v, _, _, _ := img.At(img.Bounds().Min.X+x, img.Bounds().Min.Y+y).RGBA(); v > 0 && at.X < width && at.Y < height {
				pixels[at.Y*width+at.X] = 1
			}
		}
	}
	s := coco.Of(mask.Encode(height, width, pixels))
	return &s, nil
}
