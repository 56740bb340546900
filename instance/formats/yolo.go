package formats

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"image"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"oscar/instance/coco"
	"oscar/instance/scene"
	"oscar/internal/keyed"
	"oscar/internal/paths"
)

const yoloFile = "data.yaml"

// yoloData is data.yaml.
type yoloData struct {
	Path  string    `yaml:"path"`
	Train yaml.Node `yaml:"train"`
	Val   yaml.Node `yaml:"val"`
	Test  yaml.Node `yaml:"test"`
	Names yaml.Node `yaml:"names"`
}

// readYOLO reads data.yaml and the label files. A line of a label file has a class number and the
// corners of a polygon, relative to the picture's width and height. The labels of a/images/b.jpg are
// in a/labels/b.txt. A picture without a label file has no objects.
func readYOLO(f files) (*source, error) {
	if f.file != yoloFile && (f.file != "" || !f.has(yoloFile)) {
		return nil, nil
	}
	b, err := f.read(yoloFile, paths.Settings)
	if err != nil {
		return nil, err
	}
	fail := func(err error) error { return fmt.Errorf("%s: %w", f.at(yoloFile), err) }
	var d yoloData
	if err := keyed.Unmarshal(b, &d); err != nil {
		return nil, fail(err)
	}
	s := &source{leftOut: map[string]int{}}
	if s.classes, err = yoloNames(d.Names); err != nil {
		return nil, fail(err)
	}
	for i, node := range []yaml.Node{d.Train, d.Val, d.Test} {
		entries, err := stringsOf(node)
		if err != nil {
			s.flaws = append(s.flaws, fail(fmt.Errorf("%s: %w", scene.Parts[i], err)))
		}
		for _, entry := range entries {
			names, err := f.yoloPictures(d.Path, entry)
			if err != nil {
				s.flaws = append(s.flaws, coco.FlawsAt(fail(fmt.Errorf("%s", scene.Parts[i])).Error(), err)...)
			}
			for _, name := range names {
				p := picture{name: name, part: scene.Parts[i], at: f.path + ": " + name}
				if label := labelFile(name); !f.has(name) {
					p.missing = fmt.Errorf("there is no such picture, which %s names", entry)
				} else if f.has(label) {
					p.at = f.path + ": " + label
					p.more = func(size image.Point) ([]object, int, error) { return f.yoloObjects(label, len(s.classes), size) }
				}
				s.pictures = append(s.pictures, p)
			}
		}
	}
	return s, nil
}

// yoloNames returns the classes of a list, or of a map with the keys 0, 1, 2 and so on.
func yoloNames(node yaml.Node) (names []string, err error) {
	if node.Kind == yaml.MappingNode {
		var byNumber map[int]string
		if err := node.Decode(&byNumber); err != nil {
			return nil, fmt.Errorf("names: %w", err)
		}
		for i := range len(byNumber) {
			name, ok := byNumber[i]
			if !ok {
				return nil, fmt.Errorf("names has %d classes, and none with number %d", len(byNumber), i)
			}
			names = append(names, name)
		}
	} else if err := node.Decode(&names); err != nil {
		return nil, fmt.Errorf("names: %w", err)
	}
	for i, name := range names {
		if name == "" || slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("names: class %d, %q, is empty or there twice", i, name)
		}
	}
	return names, nil
}

// stringsOf returns a list of strings, of which a single one needs no list; nil for a missing key.
func stringsOf(node yaml.Node) (out []string, err error) {
	switch {
	case node.Kind == 0 || node.Tag == "!!null":
		return nil, nil
	case node.Kind == yaml.ScalarNode:
		return []string{node.Value}, nil
	}
	err = node.Decode(&out)
	return out, err
}

var pictureExtensions = []string{".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}

// yoloPictures returns the pictures of an entry: a folder, or a text file with one picture per line.
// Like Ultralytics, it reads ../train as train if there is no such folder. It ignores a base outside
// the source.
func (f files) yoloPictures(base, entry string) (names []string, err error) {
	var dir string
	found := false
	for _, candidate := range [][2]string{{base, entry}, {"", entry}, {"", strings.TrimPrefix(entry, "../")}} {
		name, err := within(".", strings.TrimPrefix(candidate[0], "./"), candidate[1])
		if err != nil {
			continue
		}
		if f.has(name) || f.isDir(name) {
			dir, found = name, true
			break
		}
	}
	if !found {
		return nil, fmt.Errorf("there is no folder and no list %q in the source", entry)
	}
	if path.Ext(dir) == ".txt" {
		b, err := f.read(dir, paths.Record)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			name, err := within(path.Dir(dir), line)
			if err != nil {
				name = line // which is no picture of the source
			}
			names = append(names, name)
		}
		return names, nil
	}
	for _, name := range f.list {
		if strings.HasPrefix(name, dir+"/") && slices.Contains(pictureExtensions, strings.ToLower(path.Ext(name))) {
			names = append(names, name)
		}
	}
	return names, nil
}

// labelFile returns the path of a picture's label file.
func labelFile(name string) string {
	if i := strings.LastIndex("/"+name, "/images/"); i >= 0 {
		name = name[:i] + "labels/" + name[i+len("images/"):]
	}
	return strings.TrimSuffix(name, path.Ext(name)) + ".txt"
}

// yoloObjects reads the polygons of a label file. boxes is the number of lines with only a box.
func (f files) yoloObjects(label string, classes int, size image.Point) (objects []object, boxes int, err error) {
	b, err := f.read(label, 64<<20)
	if err != nil {
		return nil, 0, err
	}
	var wrong []error
	refuse := func(number int, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("line %d: %w", number, fmt.Errorf(format, args...)))
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 64<<20)
	for number := 1; lines.Scan(); number++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		class, err := strconv.Atoi(fields[0])
		if err != nil || class < 0 || class >= classes {
			refuse(number, "class %q, want 0 to %d", fields[0], classes-1)
			continue
		}
		if len(fields) == 5 {
			boxes++
			continue
		}
		if len(fields) < 7 || len(fields)%2 == 0 {
			refuse(number, "%d numbers after the class; want x and y of 3 or more corners", len(fields)-1)
			continue
		}
		corners := make([]float64, len(fields)-1)
		for i, text := range fields[1:] {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || !(v >= -0.01 && v <= 1.01) {
				refuse(number, "corner %q, want a share of the picture, 0 to 1", text)
				break
			}
			corners[i] = v * float64([2]int{size.X, size.Y}[i%2])
		}
		objects = append(objects, object{at: fmt.Sprintf("line %d", number), class: class, mask: coco.Segmentation{Polygons: [][]float64{corners}}})
	}
	return objects, boxes, cmp.Or(lines.Err(), coco.Flaws(wrong))
}
