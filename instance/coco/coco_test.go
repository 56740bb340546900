package coco_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/instance/coco"
	"oscar/internal/agreement"
)

// numbers are COCO's twelve, in pycocotools' order.
func numbers(s coco.Scores) []float64 {
	return []float64{s.AP, s.AP50, s.AP75, s.APSmall, s.APMedium, s.APLarge, s.AR1, s.AR10, s.AR100, s.ARSmall, s.ARMedium, s.ARLarge}
}

func TestAsPycocotools(t *testing.T) {
	b, err := os.ReadFile("../../oracles/instances/testdata/coco.json")
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		Truth   json.RawMessage
		Results json.RawMessage
		Bbox    []float64 `json:"bbox"`
		Segm    []float64 `json:"segm"`
	}
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	write := func(name string, text []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, text, 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	truth, err := coco.Read(write("truth.json", o.Truth))
	if err != nil {
		t.Fatal(err)
	}
	results, err := coco.ReadResults(write("results.json", o.Results))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind coco.Kind
		want []float64
	}{{coco.Boxes, o.Bbox}, {coco.Masks, o.Segm}} {
		s, err := coco.Evaluate(truth, results, c.kind)
		if err != nil {
			t.Fatal(err)
		}
		difference := 0.0
		for i, got := range numbers(s) {
			difference = max(difference, math.Abs(got-c.want[i]))
			t.Logf("%s %d: %.6f, want %.6f", c.kind, i, got, c.want[i])
		}
		agreement.Check(t, agreement.Line{
			Group: agreement.Instances, Subject: "COCO AP and AR, " + string(c.kind), Oracle: "pycocotools 2.0.11",
			Compared: "twelve numbers", Difference: difference, Bound: 1e-9,
		})
	}
}

// What Read reads, a writer's JSON says again.
func TestRoundTrip(t *testing.T) {
	const text = `{"images":[{"id":3,"file_name":"a/b.png","width":4,"height":3}],"annotations":[` +
		`{"id":9,"image_id":3,"category_id":1,"bbox":[0,0,2,2],"area":4,"iscrowd":0,"segmentation":[[0,0,2,0,2,2,0,2]]},` +
		`{"id":10,"image_id":3,"category_id":1,"bbox":[0,0,1,3],"area":3,"iscrowd":1,"segmentation":{"size":[3,4],"counts":"039"}}],` +
		`"categories":[{"id":1,"name":"can"}]}`
	path := filepath.Join(t.TempDir(), "x.json")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := coco.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	back, err := json.Marshal(f)
	if err != nil || string(back) != text {
		t.Errorf("%v\n%s\nwant\n%s", err, back, text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Masks(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	for _, a := range f.Annotations {
		if m, err := a.Segmentation.Mask(3, 4); err != nil || float64(m.Area()) != a.Area || m.Box() != a.Box {
			t.Errorf("annotation %d: %v, area %d, box %v", a.ID, err, m.Area(), m.Box())
		} else if again, err := coco.Of(m).Mask(3, 4); err != nil || !again.Equal(m) {
			t.Errorf("annotation %d: %v %v", a.ID, again, err)
		}
	}
}

func TestWrongFiles(t *testing.T) {
	const good = `{"images":[{"id":3,"file_name":"b.png","width":4,"height":3}],"annotations":[{"id":9,"image_id":3,"category_id":1,"segmentation":[]}],"categories":[{"id":1,"name":"can"}]}`
	for _, c := range []struct{ old, new, want string }{
		{`"id":9,"image_id":3`, `"id":9,"image_id":4`, "annotation 9 is of image 4"},
		{`"category_id":1`, `"category_id":2`, "annotation 9 has category 2"},
		{`"b.png"`, `"../b.png"`, "../b.png"},
		{`"width":4`, `"width":-4`, "a mask of -4 x 3 pixels"},
		{`"height":3`, `"height":3000000000`, "at most"},
		{`{"id":1,"name":"can"}`, `{"id":1,"name":"can"},{"id":1,"name":"cup"}`, `category 1, "cup"`},
		{`"segmentation":[]`, `"segmentation":{"size":[2,2],"counts":[1,1]}`, "add up to 2"},
		{`"segmentation":[]`, `"segmentation":7`, "annotation 9: segmentation is 7, want polygons"},
		{`"segmentation":[]`, `"iscrowd":3`, "want 0 or 1"},
		{`"images":[{"id":3`, `"images":[{"id":3,"file_name":"c","width":1,"height":1},{"id":3`, "two images have the id 3"},
	} {
		path := filepath.Join(t.TempDir(), "x.json")
		if err := os.WriteFile(path, []byte(strings.Replace(good, c.old, c.new, 1)), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := coco.Read(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.new, err, c.want)
		}
	}
}

// A small file can ask for hours or for gigabytes. It is refused, and soon.
func TestBombs(t *testing.T) {
	const head = `{"images":[{"id":3,"file_name":"b.png","width":16384,"height":16384}],"categories":[{"id":1,"name":"can"}],"annotations":[`
	object := func(id int, segmentation string) string {
		return fmt.Sprintf(`{"id":%d,"image_id":3,"category_id":1,"segmentation":%s}`, id, segmentation)
	}
	// Each edge goes to and fro over the whole picture.
	jagged := "[[" + strings.Repeat("0,0,16384,16000,0,8000,16384,3,", 10_000) + "5,5]]"
	for name, c := range map[string]struct{ rest, want string }{
		"objects":       {strings.Repeat("{},", 7_000_000) + "{}", "it has more objects and numbers than oscar reads"},
		"numbers":       {object(1, "[["+strings.Repeat("1,", 210_000_000)+"1]]"), "it has more objects and numbers than oscar reads"},
		"long polygons": {object(1, "["+strings.Repeat("[-1048576,-1048576,1048576,-1048576,1048576,1048576],", 3000)+"[0,0,1,0,1,1]]"), "the polygons are too long"},
		"jagged": {func() string {
			var all []string
			for id := range 3 {
				all = append(all, object(id+1, jagged))
			}
			return strings.Join(all, ",")
		}(), "the polygons are too long"},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name == "numbers" {
				t.Skip("it is 420 MB")
			}
			path := filepath.Join(t.TempDir(), "x.json")
			if err := os.WriteFile(path, []byte(head+c.rest+"]}"), 0o666); err != nil {
				t.Fatal(err)
			}
			f, err := coco.Read(path)
			if err == nil {
				_, err = f.Masks(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
