package formats

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/png"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/instance/scene"
	"oscar/internal/text"
)

// The folders of Pascal VOC.
const (
	vocXML      = "Annotations"
	vocPictures = "JPEGImages"
	vocObjects  = "SegmentationObject"
	vocLists    = "ImageSets/Segmentation"
)

// vocVoid is the value of pixels that belong to no object.
const vocVoid = 255

const withoutNumbers = "a picture without a file in " + vocObjects

// voc is a file of Annotations/.
type voc struct {
	XMLName  xml.Name `xml:"annotation"`
	Filename string   `xml:"filename"`
	Size     struct {
		Width  int `xml:"width"`
		Height int `xml:"height"`
	} `xml:"size"`
	Objects []struct {
		Name      string `xml:"name"`
		Difficult int    `xml:"difficult"`
	} `xml:"object"`
}

// vocRoot returns the folder with Annotations/ and JPEGImages/: the source or a folder below it,
// such as VOCdevkit/VOC2012.
func vocRoot(f files) (root string, ok bool) {
	for _, name := range f.list {
		if dir, file := path.Split(name); file != "" && strings.EqualFold(path.Ext(file), ".xml") && path.Base(dir) == vocXML {
			root = path.Dir(path.Clean(dir))
			return root, f.below(path.Join(root, vocPictures))
		}
	}
	return "", false
}

// readVOC reads the pictures that have a mask in SegmentationObject/. Pixels with value k belong to
// the k-th object of the XML file. Parts are read from ImageSets/Segmentation/ if it exists. A
// difficult object is neither an object nor background. A picture without its file, or without a
// description that can be read, is unusable.
func readVOC(f files) (*source, error) {
	root, ok := vocRoot(f)
	if !ok || f.file != "" {
		return nil, nil
	}
	s := &source{leftOut: map[string]int{}}
	class := map[string]int{}
	parts := s.vocParts(f, root)
	var all []*voc
	var stems, names []string
	for _, name := range f.list {
		if path.Dir(name) != path.Join(root, vocXML) || !strings.EqualFold(path.Ext(name), ".xml") {
			continue
		}
		stem := strings.TrimSuffix(path.Base(name), path.Ext(name))
		if !f.has(path.Join(root, vocObjects, stem+".png")) {
			s.leftOut[withoutNumbers]++
			continue
		}
		b, err := f.read(name, 16<<20)
		if err != nil {
			s.pictures = append(s.pictures, picture{name: name, at: f.at(name), part: parts[stem], missing: err})
			continue
		}
		v := &voc{}
		decoder := xml.NewDecoder(bytes.NewReader(b))
		decoder.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, fmt.Errorf("want UTF-8") }
		if err := decoder.Decode(v); err != nil {
			s.pictures = append(s.pictures, picture{name: name, at: f.at(name), part: parts[stem], missing: err})
			continue
		}
		if len(v.Objects) >= vocVoid {
			s.refuse("%s: %d objects, want at most %d", f.at(name), len(v.Objects), vocVoid-1)
		}
		for k, o := range v.Objects {
			if o.Name == "" {
				s.refuse("%s: object %d has no name", f.at(name), k+1)
			}
			class[o.Name] = 0
		}
		all, stems, names = append(all, v), append(stems, stem), append(names, name)
	}
	if len(stems)+len(s.pictures) == 0 {
		return nil, fmt.Errorf("%s: no picture of %s has a file in %s: its objects have %s", f.path, text.Count(s.leftOut[withoutNumbers], "description"),
			path.Join(root, vocObjects), boxesAlone)
	}
	s.classes = slices.Sorted(maps.Keys(class))
	for i, name := range s.classes {
		class[name] = i
	}
	for i, v := range all {
		at := f.at(names[i])
		p := picture{at: at, part: parts[stems[i]], size: image.Pt(v.Size.Width, v.Size.Height)}
		if p.name, p.missing = f.picture(path.Join(root, vocPictures), v.Filename); p.missing != nil {
			p.name, p.missing = names[i], fmt.Errorf("%w in %s", p.missing, vocPictures)
			s.pictures = append(s.pictures, p)
			continue
		}
		p.more = func(size image.Point) ([]object, int, error) {
			masks, err := f.vocMasks(path.Join(root, vocObjects, stems[i]+".png"), len(v.Objects), size)
			if err != nil {
				return nil, 0, err
			}
			var objects []object
			for k, o := range v.Objects {
				objects = append(objects, object{at: fmt.Sprintf("object %d", k+1), class: class[o.Name], ignore: o.Difficult != 0, mask: coco.Of(masks[k])})
			}
			return objects, 0, nil
		}
		s.pictures = append(s.pictures, p)
	}
	return s, nil
}

// vocParts returns the part of each picture by its name.
func (s *source) vocParts(f files, root string) map[string]string {
	parts := map[string]string{}
	for _, part := range scene.Parts {
		name := path.Join(root, vocLists, part+".txt")
		if !f.has(name) {
			continue
		}
		b, err := f.read(name, 64<<20)
		if err != nil {
			s.refuse("%s: %w", f.path, err)
		}
		for line := range strings.Lines(string(b)) {
			stems := strings.Fields(line)
			if line = strings.TrimSpace(line); f.has(path.Join(root, vocXML, line+".xml")) {
				stems = []string{line} // with spaces
			}
			for _, stem := range stems {
				if other, twice := parts[stem]; twice && other != part {
					s.refuse("%s: picture %q is in the lists of %s and %s", f.path, stem, other, part)
				}
				parts[stem] = part
			}
		}
	}
	return parts
}

// vocMasks returns the masks of the objects in a PNG file whose pixels are object numbers.
func (f files) vocMasks(name string, objects int, size image.Point) ([]mask.RLE, error) {
	b, err := f.read(name, 64<<20)
	if err != nil {
		return nil, err
	}
	c, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	if c.Width != size.X || c.Height != size.Y {
		return nil, fmt.Errorf("%q has %d x %d pixels, the picture %d x %d", name, c.Width, c.Height, size.X, size.Y)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	var pix []uint8
	var stride int
	switch m := img.(type) {
	case *image.Paletted:
		pix, stride = m.Pix, m.Stride
	case *image.Gray:
		pix, stride = m.Pix, m.Stride
	default:
		return nil, fmt.Errorf("%q has no palette: want the numbers of the objects as pixels", name)
	}
	var used [256]bool
	for y := range size.Y {
		for _, v := range pix[y*stride : y*stride+size.X] {
			used[v] = true
		}
	}
	out := make([]mask.RLE, objects)
	pixels := make([]uint8, size.X*size.Y)
	for v := 1; v < vocVoid; v++ {
		switch {
		case v > objects && used[v]:
			return nil, fmt.Errorf("%q has pixels of object %d, the XML file has %s", name, v, text.Count(objects, "object"))
		case v > objects:
			continue
		}
		for i := range pixels {
			pixels[i] = 0
			if used[v] && int(pix[i/size.X*stride+i%size.X]) == v {
				pixels[i] = 1
			}
		}
		out[v-1] = mask.Encode(size.Y, size.X, pixels)
	}
	return out, nil
}
