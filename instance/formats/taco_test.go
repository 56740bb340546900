package formats

import (
	"encoding/json"
	"fmt"
	"image"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"oscar/instance/scene"
	"oscar/internal/testkit"
)

const tacoMap = "../../recipes/taco-trashnet.csv"

// A folder like TACO's after its download: one file of annotations with 60 classes and keys of
// its own, pictures in batch_N, objects in several pieces and crowds, ids from 0, some twice. One
// photograph lies on its side and is turned by EXIF, as TACO's annotations want; one is not
// there, one is a web page, one has another size, one is described as it is stored.
func TestTACO(t *testing.T) {
	become, err := readClassMap(tacoMap)
	if err != nil || len(become) != 60 {
		t.Fatalf("%d classes, %v", len(become), err)
	}
	var categories []map[string]any
	number := map[string]int{}
	for i, name := range slices.Sorted(maps.Keys(become)) {
		categories = append(categories, map[string]any{"supercategory": name, "id": i, "name": name})
		number[name] = i
	}
	var images, annotations []map[string]any
	for i, m := range []struct {
		name, class   string
		width, height int
	}{
		{"batch_1/000006.jpg", "Glass bottle", 40, 30}, {"batch_1/000012.JPG", "Drink can", 40, 30}, {"batch_2/000006.jpg", "Cigarette", 40, 30},
		{"batch_2/000007.jpg", "Pizza box", 40, 30}, {"batch_3/000001.jpg", "Shoe", 40, 30}, {"batch_3/000002.jpg", "Shoe", 30, 40}, {"batch_4/000001.jpg", "Paper bag", 40, 30},
	} {
		images = append(images, map[string]any{
			"id": i, "file_name": m.name, "width": m.width, "height": m.height,
			"license": nil, "flickr_url": "https://example.org/1.png", "coco_url": nil, "date_captured": nil, "flickr_640_url": nil,
		})
		for k, segmentation := range [][][]float64{
			{{2, 3, 10, 3, 10, 9, 2, 9}, {20, 20, 22, 20, 22, 22, 20, 22}},
			{{0, 0, 4, 0, 4, 4, 0, 4}},
		} {
			annotations = append(annotations, map[string]any{
				"id": 2 * i, "image_id": i, "category_id": number[m.class], "iscrowd": k, "segmentation": segmentation, "area": 52.0, "bbox": []float64{2, 3, 20, 19},
			})
		}
	}
	text, err := json.Marshal(map[string]any{
		"info": map[string]any{"year": 2019, "version": nil, "description": "TACO"}, "images": images, "annotations": annotations, "categories": categories,
		"scene_annotations": []any{map[string]any{"image_id": 0, "background_ids": []int{5}}}, "scene_categories": []any{map[string]any{"id": 5, "name": "Vegetation"}}, "licenses": []any{},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := write(t, map[string]string{
		"data/annotations.json": string(text), "data/batch_1/000006.jpg": "", "data/batch_2/000006.jpg": "", "data/batch_4/000001.jpg": "",
		"data/batch_2/000007.jpg": "<html>photo is no longer available</html>",
	})
	upright := image.NewRGBA(image.Rect(0, 0, 40, 30))
	for name, img := range map[string]*image.RGBA{"000012.JPG": upright, "../batch_3/000002.jpg": upright, "../batch_3/000001.jpg": image.NewRGBA(image.Rect(0, 0, 20, 15))} {
		testkit.Write(t, filepath.Join(dir, "data", "batch_1", name), string(testkit.TurnedJPEG(t, img)))
	}
	if err := os.Remove(filepath.Join(dir, "data", "batch_2", "000006.jpg")); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "scenes")
	s, err := Import(t.Context(), out, Options{Source: filepath.Join(dir, "data", "annotations.json"), Map: tacoMap, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range s.Unusable {
		got = append(got, p.Path+": "+p.Reason)
	}
	same(t, got,
		"batch_2/000006.jpg: there is no such picture beside the annotations, nor in images/ or data/",
		`batch_2/000007.jpg: not a JPEG, PNG, GIF, BMP, TIFF or WebP image (begins with "<html>ph")`,
		"batch_3/000001.jpg: it has 20 x 15 pixels, it is described with 40 x 30",
		"batch_3/000002.jpg: it has 40 x 30 pixels, it is described with 30 x 40, as before it is turned by its EXIF orientation, 6",
	)
	var objects []string
	for _, part := range scene.Parts {
		if s.Pictures[part] > 0 {
			objects = append(objects, found(t, out, part)...)
		}
	}
	slices.Sort(objects)
	var want []string
	for _, m := range []string{"batch_1/000006.jpg glass", "batch_1/000012.JPG metal", "batch_4/000001.jpg paper"} {
		want = append(want, m+" [0 0 4 4] 16 true", m+" [2 3 20 19] 52 false")
	}
	same(t, objects, want...)
}

// A map gives every class of the source a new one, or leaves its objects out.
func TestClassMap(t *testing.T) {
	const file = `{"images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}], "categories": [{"id": 1, "name": "can"}, {"id": 2, "name": "lid, of a jar"}, {"id": 3, "name": "leaf"}],
		"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 5, 0, 5, 5]]}, {"id": 2, "image_id": 1, "category_id": 2, "segmentation": [[0, 0, 5, 0, 5, 5]]},
			{"id": 3, "image_id": 1, "category_id": 3, "segmentation": [[0, 0, 5, 0, 5, 5]]}]}`
	dir := write(t, map[string]string{"x.json": file, "a.png": ""})
	for _, c := range []struct{ lines, want string }{
		{"can,metal\n\"lid, of a jar\",metal\nleaf,\nsomething else,other\n", ""},
		{"\ufeff# a comment\ncan, metal\n\"lid, of a jar\",metal\nleaf,Background\n", ""},
		{"can,metal\nleaf,\n", `no line for the class "lid, of a jar"; one with an empty second field`},
		{"can,metal\ncan,\n", `line 2: the class "can" is there twice`},
		{"can,metal\nlid\n", "want two fields in each line"},
		{"can,\n\"lid, of a jar\",\nleaf,\n", "leaves out every class"},
	} {
		path := filepath.Join(t.TempDir(), "map.csv")
		testkit.Write(t, path, c.lines)
		out := filepath.Join(t.TempDir(), "scenes")
		s, err := Import(t.Context(), out, Options{Source: dir, Map: path})
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path) {
				t.Errorf("%v\nwant %q", err, c.want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(s.Objects[scene.Train], map[string]int{"metal": 2}) || s.LeftOut["an object of a class that the map leaves out"] != 1 {
			t.Errorf("%+v", s)
		}
		set, err := scene.Open(t.Context(), out, scene.Train)
		if err != nil || fmt.Sprint(set.Classes) != "[metal]" {
			t.Errorf("%v %v", set, err)
		}
	}
}
