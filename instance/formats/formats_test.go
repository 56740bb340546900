package formats

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/instance/scene"
	"oscar/internal/testkit"
)

// write makes the files of a source: text, or a picture of 40 x 30 pixels for an empty text.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if text == "" {
			img := image.NewGray(image.Rect(0, 0, 40, 30))
			for i := range img.Pix {
				img.Pix[i] = uint8(i + len(name))
			}
			testkit.WritePNG(t, path, img)
		} else if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func imported(t *testing.T, source string) (*Summary, string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "scenes")
	s, err := Import(t.Context(), out, Options{Source: source, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s, out
}

// found are the objects of a part as text: picture, class, box, area and crowd.
func found(t *testing.T, dir, part string) (lines []string) {
	t.Helper()
	s, err := scene.Open(t.Context(), dir, part)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Missing(); err != nil {
		t.Fatal(err)
	}
	for _, one := range s.Scenes {
		for _, o := range one.Objects {
			lines = append(lines, fmt.Sprint(one.Image.FileName, " ", s.Classes[o.Class], " ", o.Box, " ", o.Mask.Area(), " ", o.Ignore))
		}
	}
	return lines
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Files as of Roboflow and TACO: a file for each part beside its pictures or above them,
// ids with gaps, polygons in pieces, run lengths, crowds, boxes without a mask.
func TestCOCO(t *testing.T) {
	const file = `{"info": {"x": 1}, "images": [{"id": 7, "file_name": "%s", "width": 40, "height": 30, "flickr_url": null}],
		"categories": [{"id": 3, "name": "Can", "supercategory": "metal"}, {"id": 9, "name": "Lid"}],
		"annotations": [
			{"id": 1, "image_id": 7, "category_id": 9, "iscrowd": 0, "bbox": [2, 3, 8, 6], "area": 48, "segmentation": [[2, 3, 10, 3, 10, 9, 2, 9], [20, 20, 22, 20, 22, 22, 20, 22]]},
			{"id": 2, "image_id": 7, "category_id": 3, "iscrowd": 1, "bbox": [0, 0, 1, 30], "area": 30, "segmentation": {"size": [30, 40], "counts": [0, 30, 1170]}},
			{"id": 5, "image_id": 7, "category_id": 3, "bbox": [0, 0, 5, 5], "area": 25, "segmentation": []}]}`
	s, out := imported(t, write(t, map[string]string{
		"train/_annotations.coco.json": fmt.Sprintf(file, "a.png"), "train/a.png": "",
		"valid/_annotations.coco.json": fmt.Sprintf(file, "batch_1/b.png"), "valid/data/batch_1/b.png": "",
		"test/_annotations.coco.json": fmt.Sprintf(file, "c.png"), "test/c.png": "", "notes.json": `{"shapes": 1}`,
	}))
	if s.Format != "COCO" || s.LeftOut["an object without a mask"] != 3 {
		t.Errorf("%+v", s)
	}
	same(t, found(t, out, scene.Train), "train/a.png Lid [2 3 20 19] 52 false", "train/a.png Can [0 0 1 30] 30 true")
	same(t, found(t, out, scene.Validation), "valid/data/batch_1/b.png Lid [2 3 20 19] 52 false", "valid/data/batch_1/b.png Can [0 0 1 30] 30 true")
	same(t, found(t, out, scene.Test), "test/c.png Lid [2 3 20 19] 52 false", "test/c.png Can [0 0 1 30] 30 true")
}

// A single file has no parts: they are drawn, each picture in one of them.
func TestParts(t *testing.T) {
	f := coco.File{Categories: []coco.Category{{ID: 1, Name: "can"}}}
	files := map[string]string{}
	for i := range 30 {
		name := fmt.Sprintf("batch_%d/%02d.png", i%3, i)
		files[name] = ""
		f.Images = append(f.Images, coco.Image{ID: int64(i), FileName: name, Width: 40, Height: 30})
		f.Annotations = append(f.Annotations, coco.Annotation{ID: int64(i), ImageID: int64(i), CategoryID: 1, Segmentation: coco.Segmentation{Polygons: [][]float64{{0, 0, 9, 0, 9, 9}}}})
	}
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	files["annotations.json"] = string(b)
	dir := write(t, files)
	s, out := imported(t, filepath.Join(dir, "annotations.json"))
	if want := map[string]int{scene.Train: 24, scene.Validation: 3, scene.Test: 3}; !reflect.DeepEqual(s.Pictures, want) {
		t.Errorf("%v", s.Pictures)
	}
	_, again := imported(t, dir)
	same(t, found(t, again, scene.Test), found(t, out, scene.Test)...)
}

// Polygons, rectangles, circles, masks and groups as LabelMe writes them; lines have no area.
func TestLabelMe(t *testing.T) {
	var mask bytes.Buffer
	img := image.NewGray(image.Rect(0, 0, 3, 2))
	img.Pix = []uint8{0, 255, 255, 1, 0, 0}
	if err := png.Encode(&mask, img); err != nil {
		t.Fatal(err)
	}
	shapes := `{"label": "lid", "shape_type": "rectangle", "points": [[10, 9], [2, 3]], "group_id": null, "flags": {}},
		{"label": "can", "shape_type": "polygon", "points": [[0, 0], [4, 0], [4, 4], [0, 4]], "group_id": 2},
		{"label": "can", "shape_type": "polygon", "points": [[8, 0], [9, 0], [9, 4], [8, 4]], "group_id": 2},
		{"label": "lid", "shape_type": "mask", "points": [[30, 20], [32, 21]], "mask": "` + base64.StdEncoding.EncodeToString(mask.Bytes()) + `"},
		{"label": "lid", "shape_type": "line", "points": [[0, 0], [9, 9]]},
		{"label": "__ignore__", "shape_type": "rectangle", "points": [[0, 0], [9, 9]]}`
	const file = `{"version": "5.4.1", "flags": {}, "shapes": [%s], "imagePath": "%s", "imageData": %s, "imageHeight": 30, "imageWidth": 40}`
	dir := write(t, map[string]string{
		"train/a.json": fmt.Sprintf(file, shapes, `..\\images\\a.png`, "null"), "images/a.png": "",
		"val/b.json": fmt.Sprintf(file, "", "b.png", "null"), "val/b.png": "",
	})
	b, err := os.ReadFile(filepath.Join(dir, "val", "b.png"))
	if err != nil {
		t.Fatal(err)
	}
	within := fmt.Sprintf(file, shapes, "gone.png", `"`+base64.StdEncoding.EncodeToString(b)+`"`)
	if err := os.WriteFile(filepath.Join(dir, "train", "c.json"), []byte(within), 0o666); err != nil {
		t.Fatal(err)
	}
	s, out := imported(t, dir)
	if s.Format != "LabelMe" || s.LeftOut[`a shape of type "line", which has no area`] != 2 || s.Pictures[scene.Validation] != 1 {
		t.Errorf("%+v", s)
	}
	var want []string
	for _, name := range []string{"images/a.png", "train/c.png"} {
		want = append(want, name+" lid [2 3 8 6] 48 false", name+" can [0 0 9 4] 20 false", name+" lid [30 20 3 2] 3 false")
	}
	same(t, found(t, out, scene.Train), want...)
}

// LabelMe's own rule for the corners of a circle: int(pi / arccos(1 - 1/r)), or 12.
func TestCircle(t *testing.T) {
	for _, c := range []struct{ r, corners float64 }{{0.5, 12}, {10, 12}, {100, 22}, {1000, 70}} {
		got := circle([2]float64{500, 500}, [2]float64{500 + c.r, 500})
		if float64(len(got)) != 2*c.corners {
			t.Errorf("radius %g: %d corners, want %g", c.r, len(got)/2, c.corners)
		}
	}
	m, err := mask.Fill(1000, 1000, circle([2]float64{500, 500}, [2]float64{500, 800}))
	if area := math.Pi * 300 * 300; err != nil || math.Abs(float64(m.Area())-area) > 0.01*area {
		t.Errorf("area %d, want %.0f: %v", m.Area(), area, err)
	}
}

// Polygons as shares of the size; a box alone is counted; pictures without labels stay.
func TestYOLO(t *testing.T) {
	s, out := imported(t, write(t, map[string]string{
		"data.yaml":           "path: ../datasets/waste\ntrain: ../train/images\nval: [valid/images]\ntest:\nnc: 2\nnames: {0: can, 1: lid}\n",
		"train/images/a.png":  "",
		"train/images/b.png":  "",
		"valid/images/c.png":  "",
		"train/labels/a.txt":  "1 0.05 0.1 0.25 0.1 0.25 0.3 0.05 0.3\n0 0.5 0.5 0.1 0.1\n\n0 0 0 1 0 1.004 1\n",
		"valid/labels/c.txt":  "0 0.5 0.5 1 0.5 1 1 .5 1\n",
		"train/labels/zz.txt": "9 of no picture",
	}))
	if s.Format != "YOLO" || s.LeftOut["an object without a mask"] != 1 || s.Pictures[scene.Train] != 2 {
		t.Errorf("%+v", s)
	}
	same(t, found(t, out, scene.Train), "train/images/a.png lid [2 3 8 6] 48 false",
		"train/images/a.png can [1 0 39 29] 593 false") // pycocotools: frPyObjects([[0, 0, 40, 0, 40.16, 30]], 30, 40)
	same(t, found(t, out, scene.Validation), "valid/images/c.png can [20 15 20 15] 300 false")
}

// The k-th object has the pixels of value k; 255 is void; a difficult object is ignored.
func TestVOC(t *testing.T) {
	const file = `<?xml version="1.0"?><annotation><folder>VOC</folder><filename>%s.jpg</filename><size><width>40</width><height>30</height><depth>3</depth></size>
		<object><name>lid</name><difficult>0</difficult><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>10</xmax><ymax>9</ymax></bndbox></object>
		<object><name>can</name><difficult>1</difficult></object></annotation>`
	dir := write(t, map[string]string{
		"VOC2012/Annotations/a.xml": fmt.Sprintf(file, "a"), "VOC2012/JPEGImages/a.jpg": "",
		"VOC2012/Annotations/b.xml": fmt.Sprintf(file, "b"), "VOC2012/JPEGImages/b.jpg": "",
		"VOC2012/Annotations/c.xml": fmt.Sprintf(file, "c"), "VOC2012/JPEGImages/c.jpg": "",
		"VOC2012/ImageSets/Segmentation/train.txt": "a\n", "VOC2012/ImageSets/Segmentation/val.txt": "b\n",
	})
	palette := color.Palette{}
	for i := range 256 {
		palette = append(palette, color.RGBA{uint8(i * 5), uint8(i * 3), uint8(i), 255})
	}
	numbers := image.NewPaletted(image.Rect(0, 0, 40, 30), palette)
	for y := 3; y < 9; y++ {
		for x := 2; x < 10; x++ {
			numbers.SetColorIndex(x, y, 1)
		}
		numbers.SetColorIndex(10, y, 255)
		numbers.SetColorIndex(11, y, 2)
	}
	for _, stem := range []string{"a", "b"} {
		testkit.WritePNG(t, filepath.Join(dir, "VOC2012", "SegmentationObject", stem+".png"), numbers)
	}
	s, out := imported(t, dir)
	if s.Format != "Pascal VOC" || s.LeftOut["a picture without a file in SegmentationObject"] != 1 {
		t.Errorf("%+v", s)
	}
	same(t, found(t, out, scene.Train), "VOC2012/JPEGImages/a.jpg lid [2 3 8 6] 48 false", "VOC2012/JPEGImages/a.jpg can [11 3 1 6] 6 true")
	if got := found(t, out, scene.Validation); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

// No file outside of the source is read, bad numbers are named, and nothing is left behind.
func TestRefusals(t *testing.T) {
	secret := write(t, map[string]string{"secret.png": ""})
	cocoFile := func(name, size, polygon string) map[string]string {
		return map[string]string{"a.png": "", "x.json": `{"images": [{"id": 1, "file_name": "` + name + `", ` + size + `}], "categories": [{"id": 1, "name": "can"}],
			"annotations": [{"id": 900, "image_id": 1, "category_id": 1, "segmentation": [` + polygon + `]}]}`}
	}
	cocoRuns := func(runs string) map[string]string {
		files := cocoFile("a.png", `"width": 40, "height": 30`, "")
		files["x.json"] = strings.ReplaceAll(files["x.json"], "[]}", runs+"}")
		return files
	}
	const size, square = `"width": 40, "height": 30`, "[0, 0, 5, 0, 5, 5]"
	yolo := func(data, label string) map[string]string {
		return map[string]string{"data.yaml": data, "images/a.png": "", "labels/a.txt": label}
	}
	const data = "train: images\nnames: [can]\n"
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"a.png": ""}, "no format that is known"},
		{cocoFile("../secret.png", size, square), "not a file within the folder"},
		{cocoFile(filepath.ToSlash(secret)+"/secret.png", size, square), "not a file within the folder"},
		{cocoFile("link.png", size, square), "link.png"},
		{cocoFile("b.png", size, square), `the first is "b.png": there is no such picture`},
		{cocoFile("a.png", `"width": 41, "height": 30`, square), "has 40 x 30 pixels, it is described with 41 x 30"},
		{cocoFile("a.png", `"width": 4000000, "height": 3000000`, square), "4000000"},
		{cocoFile("a.png", size, "[0, 0, 5, 0]"), "x.json: picture a.png: annotation 900: a polygon of 4 numbers"},
		{cocoFile("a.png", size, `"x"`), `x.json: annotation 900: segmentation is ["x"], want polygons as`},
		{cocoRuns(`{"size": [3, 4], "counts": [12]}`), "x.json: picture a.png: annotation 900: a mask of 3 x 4"},
		{cocoRuns(`{"size": [30, 40], "counts": "garbage~~"}`), `x.json: annotation 900: the compact mask "garbage~~" is wrong at character 3`},
		{cocoRuns(`{"size": [30, 40], "counts": [7]}`), "x.json: annotation 900: the run lengths of a mask add up to 7"},
		{cocoRuns(`{"size": [30, 40], "counts": {}}`), "x.json: annotation 900: segmentation is {"},
		{map[string]string{"sub/a.png": "", "sub/a.json": `{"shapes": [{"label": "a", "points": [[0, 0], [1, 0], [1, 1]]}, {"points": [[0, 0], [1, 0], [1, 1]]}], "imagePath": "a.png", "imageWidth": 40, "imageHeight": 30}`}, "sub/a.json: shape 2 has no label"},
		{cocoFile("a.png", size, "[0, 0, 1e9, 0, 5, 5]"), "the polygons are too long"},
		{yolo("train: /etc\nnames: [can]", ""), `no list "/etc"`},
		{yolo("train: ../../..\nnames: [can]", ""), "no list"},
		{yolo("val: images\nnames: [can]", "0 0 0 1 0 1 1"), "none to train on"},
		{yolo("train: images\nval: images\nnames: [can]", "0 0 0 1 0 1 1"), `picture "images/a.png" is in two parts, train and val`},
		{yolo("train: images\nnames: {0: can, 2: lid}", "0 0 0 1 0 1 1"), "none with number 1"},
		{yolo(data, "1 0 0 1 0 1 1"), `labels/a.txt: line 1: class "1", want 0 to 0`},
		{yolo(data, "0 0 0 1 0 1 NaN"), `line 1: corner "NaN"`},
		{yolo(data, "0 0 0 1 0 1 7"), `line 1: corner "7"`},
		{yolo(data, "0 0 0 1 0 1"), "line 1: 5 numbers after the class"},
		{yolo(data, "0 0.5 0.5 1 1"), "no object to train on has a mask"},
		{map[string]string{"a.json": `{"shapes": [{"label": "a", "points": [[0, 0], [1, 1]]}], "imagePath": "a.png", "imageWidth": 40, "imageHeight": 30}`, "a.png": ""}, "shape 1: a polygon of 2 points"},
		{map[string]string{"a.json": `{"shapes": [], "imagePath": "/etc/passwd", "imageWidth": 40, "imageHeight": 30}`}, `no picture "/etc/passwd", and no imageData`},
		{map[string]string{"Annotations/a.xml": "<annotation><object>", "JPEGImages/a.jpg": "", "SegmentationObject/a.png": ""}, "Annotations/a.xml"},
		{map[string]string{"Annotations/a.xml": "<annotation><filename>../../secret.png</filename><object><name>x</name></object></annotation>", "JPEGImages/a.jpg": "", "SegmentationObject/a.png": ""}, "no picture"},
		{map[string]string{"Annotations/a.xml": "<annotation><filename>a.jpg</filename><object><name>x</name></object></annotation>", "JPEGImages/a.jpg": "",
			"SegmentationObject/a.png": "", "ImageSets/Segmentation/train.txt": "a"}, "the XML file has 1 object"},
	} {
		dir := write(t, c.files)
		if err := os.Symlink(filepath.Join(secret, "secret.png"), filepath.Join(dir, "link.png")); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "scenes")
		_, err := Import(t.Context(), out, Options{Source: dir})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v\nwant %q", err, c.want)
		}
		if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
			t.Errorf("%q: left behind: %v", c.want, left)
		}
	}
}

// All errors of a data set are in one message, at most ten of them, from whatever step of reading
// and in whatever format.
func TestSeveralErrors(t *testing.T) {
	annotation := `{"id": %d, "image_id": %d, "category_id": %d, "segmentation": [[0, 0, 5, 0%s]]}`
	set := func(annotations ...string) map[string]string {
		return map[string]string{"a.png": "", "x.json": `{"images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}],
			"categories": [{"id": 1, "name": "can"}], "annotations": [` + strings.Join(annotations, ", ") + `]}`}
	}
	var many []string
	for i := range 13 {
		many = append(many, fmt.Sprintf(annotation, i, 1, 1, ""))
	}
	shapes := `{"shapes": [{"label": "a", "points": [[0, 0], [1, 1]]}, {"label": "a", "points": []}], "imagePath": "a.png", "imageWidth": 40, "imageHeight": 30}`
	for _, c := range []struct {
		files map[string]string
		want  []string
	}{
		{set(fmt.Sprintf(annotation, 5, 2, 1, ", 5, 5"), fmt.Sprintf(annotation, 6, 1, 3, ", 5, 5")),
			[]string{"2 errors:", "x.json: annotation 5 is of image 2", "x.json: annotation 6 has category 3"}},
		{set(fmt.Sprintf(annotation, 5, 1, 1, `, "x"`), fmt.Sprintf(annotation, 6, 1, 1, `, "y"`)),
			[]string{"2 errors:", "annotation 5: segmentation", "annotation 6: segmentation"}},
		{set(many...), []string{"13 errors:", "annotation 0: a polygon of 4", "annotation 9: a polygon of 4", "\n  and 3 more"}},
		{map[string]string{"data.yaml": "train: images\nnames: [can]\n", "images/a.png": "", "labels/a.txt": "1 0 0 1 0 1 1\n0 0 0 1 0 1 7\n0 0 0 1 0 1\n",
			"images/b.png": "", "labels/b.txt": "x"}, []string{"4 errors:", "a.txt: line 1: class", "a.txt: line 2: corner", "a.txt: line 3: 5 numbers", "b.txt: line 1: class"}},
		{map[string]string{"a.json": shapes, "a.png": ""}, []string{"2 errors:", "a.json: shape 1:", "a.json: shape 2:"}},
		{map[string]string{"a.json": shapes, "a.png": "", "b.json": "{}", "c.json": `{"shapes": [{}], "imagePath": "a.png"}`},
			[]string{"3 errors:", "c.json: shape 1 has no label", "a.json: shape 1:"}},
		// the decoding of annotations and of masks, ids, a picture's name, and of another file its part
		{map[string]string{"a.png": "", "b.png": "", "x.json": `{"images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}, {"id": 2, "file_name": "/b.png", "width": 40, "height": 30},
			{"id": 3, "file_name": "b.png", "width": 0, "height": 30}, {"id": 1, "file_name": "b.png", "width": 40, "height": 30}],
			"categories": [{"id": 1, "name": "can"}, {"id": 1, "name": "lid"}], "annotations": [` + strings.Join([]string{fmt.Sprintf(annotation, 5, 1, 1, `, "x"`), fmt.Sprintf(annotation, 6, 7, 1, ""),
			fmt.Sprintf(annotation, 7, 1, 1, ""), fmt.Sprintf(annotation, 8, 3, 1, "")}, ", ") + "]}", "y.json": `{"images": [], "categories": []}`},
			[]string{"7 errors:", "annotation 5: segmentation", `category 1, "lid"`, "image 2: ", "image 3: ", "two images have the id 1", "annotation 6 is of image 7", "annotation 7: a polygon of 4"}},
		{map[string]string{"a.png": "", "x.json": set(fmt.Sprintf(annotation, 5, 1, 1, ""))["x.json"], "y.json": set(fmt.Sprintf(annotation, 5, 2, 1, ""))["x.json"]},
			[]string{"5 errors:", `picture "a.png" is there twice`, "x.json: with 2 files of COCO", "y.json: with 2 files of COCO", "y.json: annotation 5 is of image 2", "x.json: picture a.png: annotation 5: a polygon of 4"}},
		{map[string]string{"JPEGImages/a.png": "", "JPEGImages/b.png": "", "Annotations/a.xml": vocOf("a", "can"), "Annotations/b.xml": vocOf("b", ""), "Annotations/c.xml": vocOf("c", "can"), "Annotations/d.xml": "<annotation>",
			"SegmentationObject/a.png": "", "SegmentationObject/b.png": "", "SegmentationObject/c.png": "", "SegmentationObject/d.png": "",
			"ImageSets/Segmentation/train.txt": "a b", "ImageSets/Segmentation/val.txt": "c b"},
			[]string{"4 errors:", `"b" is in the lists of train and val`, "b.xml: object 1 has no name", `a.png" has pixels of object`, `b.png" has pixels of object`}},
		{map[string]string{"data.yaml": "train: [images, none, list.txt]\nval: gone\nnames: [can]\n", "images/a.png": "", "labels/a.txt": "1 0 0 1 0 1 1\n", "list.txt": "b.png\nimages/c.png\n"},
			[]string{"3 errors:", `train: there is no folder and no list "none"`, `val: there is no folder`, "a.txt: line 1: class"}},
	} {
		_, err := Import(t.Context(), filepath.Join(t.TempDir(), "scenes"), Options{Source: write(t, c.files)})
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v\nwant %q", err, want)
			}
		}
		if err != nil && strings.Count(err.Error(), "\n") > 11 {
			t.Errorf("too many lines: %v", err)
		}
	}
}

// vocOf is the file of a picture with one object of a class.
func vocOf(stem, class string) string {
	return fmt.Sprintf("<annotation><filename>%s.png</filename><object><name>%s</name></object></annotation>", stem, class)
}
