package formats

import (
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/instance/scene"
	"oscar/internal/testkit"
)

// shapes is a file of LabelMe with one object.
func shapes(picture, more string) string {
	return `{"shapes": [{"label": "cup", "points": [[2, 3], [10, 3], [10, 9], [2, 9]]}], "imagePath": "` + picture + `", "imageWidth": 40, "imageHeight": 30` + more + "}"
}

// numbersOf writes a picture with the pixels of object 1.
func numbersOf(t *testing.T, path string) {
	t.Helper()
	m := image.NewPaletted(image.Rect(0, 0, 40, 30), color.Palette{color.Black, color.White})
	m.SetColorIndex(3, 4, 1)
	testkit.WritePNG(t, path, m)
}

// In every format a picture that cannot be used is left out with its reason, and the others are
// imported.
func TestUnusablePicturesAreLeftOut(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  []string // reasons, by the name of what is left out
	}{
		"LabelMe": {map[string]string{
			"a.png": "", "a.json": shapes("a.png", ""), "b.json": shapes("gone.png", ""), "c.json": `{"shapes": [], "imageWidth": 40, "imageHeight": 30}`,
			"d.json": "{", "e.json": shapes("a2.png", `, "imageData": "!"`), "f.json": `{"shapes": [], "imagePath": "a.png"}`, "settings.json": `{"theme": "dark"}`,
		}, []string{
			`b.json: there is no picture "gone.png", and no imageData`, "c.json: it is not a file of LabelMe: it has no shapes or no imagePath", "d.json: it is not a file of LabelMe: it ends in the middle of its JSON",
			"e.json: imageData: ", "f.json: it has no imageHeight or no imageWidth", "settings.json: it is not a file of LabelMe",
		}},
		"Pascal VOC": {map[string]string{
			"JPEGImages/a.png": "", "Annotations/a.xml": vocOf("a", "can"), "Annotations/b.xml": vocOf("b", "can"), "Annotations/c.xml": "<annotation>",
			"SegmentationObject/a.png": "", "SegmentationObject/b.png": "", "SegmentationObject/c.png": "",
		}, []string{`Annotations/b.xml: there is no picture "b.png" in JPEGImages`, "Annotations/c.xml: XML syntax error"}},
		"YOLO": {map[string]string{
			"data.yaml": "train: list.txt\nnames: [can]\n", "images/a.png": "", "labels/a.txt": "0 0 0 1 0 1 1\n", "list.txt": "images/a.png\nimages/b.png\n/etc/c.png\n",
		}, []string{"/etc/c.png: there is no such picture, which list.txt names", "images/b.png: there is no such picture, which list.txt names"}},
		"COCO": {map[string]string{"a.png": "", "x.json": `{"images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}, {"id": 2, "file_name": "b.png", "width": 40, "height": 30}],
			"categories": [{"id": 1, "name": "can"}], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 5, 0, 5, 5]]}]}`},
			[]string{"b.png: there is no such picture beside the annotations"}},
	} {
		dir := write(t, c.files)
		if name == "Pascal VOC" {
			numbersOf(t, filepath.Join(dir, "SegmentationObject", "a.png"))
		}
		out := filepath.Join(t.TempDir(), "scenes")
		s, err := Import(t.Context(), out, Options{Source: dir, Seed: 1})
		if err != nil || s.Format != name {
			t.Errorf("%s: %+v, %v", name, s, err)
			continue
		}
		var got []string
		for _, p := range s.Unusable {
			got = append(got, p.Path+": "+p.Reason)
		}
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s: left out\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// A path of another machine finds the picture of that name in the file's folder, and nothing else.
func TestPicturesOfOtherMachines(t *testing.T) {
	for _, given := range []string{"a.png", `..\\a.png`, `C:\\Users\\me\\a.png`, "../a.png", "/home/me/a.png", `\\\\server\\a.png`} {
		for name, files := range map[string]map[string]string{
			"sub/a.png":        {"sub/a.png": "", "sub/a.json": shapes(given, "")},
			"JPEGImages/a.png": {"JPEGImages/a.png": "", "Annotations/a.xml": strings.Replace(vocOf("a", "cup"), "a.png", strings.ReplaceAll(given, `\\`, `\`), 1), "SegmentationObject/a.png": ""},
		} {
			dir := write(t, files)
			if strings.HasPrefix(name, "JPEG") {
				numbersOf(t, filepath.Join(dir, "SegmentationObject", "a.png"))
			}
			_, out := imported(t, dir)
			if got := found(t, out, scene.Train); len(got) != 1 || !strings.HasPrefix(got[0], name+" cup ") {
				t.Errorf("%s: %q", given, got)
			}
		}
	}
}

// In every format a source that has only boxes says that masks are missing, and what to give.
func TestBoxesAlone(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"Pascal VOC": {"JPEGImages/a.png": "", "Annotations/a.xml": vocOf("a", "can")},
		"YOLO":       {"data.yaml": "train: images\nnames: [can]\n", "images/a.png": "", "labels/a.txt": "0 0.5 0.5 1 1\n"},
		"COCO": {"a.png": "", "x.json": `{"images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}],
			"categories": [{"id": 1, "name": "can"}], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "segmentation": []}]}`},
	} {
		_, err := Import(t.Context(), filepath.Join(t.TempDir(), "scenes"), Options{Source: write(t, files)})
		if err == nil || !strings.HasSuffix(err.Error(), "have "+boxesAlone) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// No error names the file twice if SOURCE is that file.
func TestPlaceOfASingleFile(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"x.json": {"a.png": "", "x.json": `{"images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}],
			"categories": [{"id": 1, "name": "can"}], "annotations": [{"id": 9, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 5]]}, {"id": 10, "image_id": 1, "category_id": 1, "segmentation": "x"}]}`},
		"a.json":    {"a.png": "", "a.json": strings.Replace(shapes("a.png", ""), "[10, 3], [10, 9], ", "", 1)},
		"data.yaml": {"data.yaml": "train: none\nnames: [can]\n"},
	} {
		source := filepath.Join(write(t, files), name)
		_, err := Import(t.Context(), filepath.Join(t.TempDir(), "scenes"), Options{Source: source})
		if err == nil || !strings.Contains(err.Error(), source) || strings.Contains(err.Error(), name+": "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Lists of Pascal VOC may have names with spaces, and several names in a line.
func TestVOCListsWithSpaces(t *testing.T) {
	dir := write(t, map[string]string{
		"JPEGImages/i 0.png": "", "Annotations/i 0.xml": vocOf("i 0", "can"), "JPEGImages/b.png": "", "Annotations/b.xml": vocOf("b", "can"), "JPEGImages/c.png": "", "Annotations/c.xml": vocOf("c", "can"),
		"SegmentationObject/x.png": "", "ImageSets/Segmentation/train.txt": "i 0\r\nb c\n", "ImageSets/Segmentation/val.txt": "\n",
	})
	for _, stem := range []string{"i 0", "b", "c"} {
		numbersOf(t, filepath.Join(dir, "SegmentationObject", stem+".png"))
	}
	if s, _ := imported(t, dir); s.Pictures[scene.Train] != 3 {
		t.Errorf("%+v", s)
	}
}

// A folder of YOLO may be empty; a picture of two parts names them.
func TestYOLOParts(t *testing.T) {
	const label = "0 0 0 1 0 1 1\n"
	files := map[string]string{"data.yaml": "train: images\ntest: ../test/images\nnames: [can]\n", "images/a.png": "", "labels/a.txt": label}
	dir := write(t, files)
	if err := os.MkdirAll(filepath.Join(dir, "test", "images"), 0o777); err != nil {
		t.Fatal(err)
	}
	if s, _ := imported(t, dir); s.Pictures[scene.Train] != 1 || s.Pictures[scene.Test] != 0 {
		t.Errorf("%+v", s)
	}
	for data, want := range map[string]string{
		"train: images\nval: images": `picture "images/a.png" is in two parts, train and val`, "train: [images, images]": `picture "images/a.png" is named twice for train`,
	} {
		files["data.yaml"] = fmt.Sprintf("%s\nnames: [can]\n", data)
		_, err := Import(t.Context(), filepath.Join(t.TempDir(), "scenes"), Options{Source: write(t, files)})
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestMissingClassMap(t *testing.T) {
	_, err := Import(t.Context(), filepath.Join(t.TempDir(), "scenes"), Options{Source: write(t, map[string]string{"a.png": "", "a.json": shapes("a.png", "")}), Map: "cup=mug"})
	if want := "there is no class map cup=mug: want a CSV file with a line for each class, such as cup,mug"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
