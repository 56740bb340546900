package dataset

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"oscar/internal/testkit"
)

// pandasTables are the tables of testdata/tables.py with the paths and labels that
// pandas reads in them.
func pandasTables(t *testing.T) map[string][][2]string {
	t.Helper()
	b, err := os.ReadFile("testdata/tables/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var expected struct{ Tables map[string][][2]string }
	if err := json.Unmarshal(b, &expected); err != nil {
		t.Fatal(err)
	}
	return expected.Tables
}

func TestTablesAsPandas(t *testing.T) {
	tables := pandasTables(t)
	if len(tables) != 8 {
		t.Fatalf("%d tables", len(tables))
	}
	for name, want := range tables {
		t.Run(name, func(t *testing.T) {
			files := map[string][]byte{"elsewhere/x.png": shade(t, 99)}
			for i, row := range want {
				file := row[0]
				if name == "kaggle.csv" { // whose ids lack the suffix
					file += []string{".jpg", ".png"}[i%2]
				}
				files[file] = shade(t, i)
			}
			root := writeTree(t, files)
			opts := TableOptions{Root: root}
			if name == "kaggle.csv" {
				opts.Columns.Label = "breed"
			}
			folder, err := Scan(t.Context(), filepath.Join("testdata", "tables", name), ScanOptions{Table: opts})
			if err != nil {
				t.Fatal(err)
			}
			var got [][2]string
			for _, item := range folder.Items {
				path := item.Path
				if name == "kaggle.csv" {
					path = strings.TrimSuffix(path, filepath.Ext(path))
				}
				got = append(got, [2]string{path, folder.Classes[item.Class]})
			}
			slices.SortFunc(want, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
			slices.SortFunc(got, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			if name == "numbers.csv" || name == "kaggle.csv" {
				return
			}
			if err := folder.Group(t.Context(), "", 0, ScanOptions{}); err != nil {
				t.Fatal(err)
			}
			split, err := NewSplit(folder, [3]float64{1, 0, 0}, 1)
			if err != nil {
				t.Fatal(err)
			}
			weights := map[string]float64{}
			for _, item := range slices.Concat(split.Train, split.Validation, split.Test) {
				weights[item.Path] = item.Weight
			}
			if got := fmt.Sprint(weights); got != `map[a/one.png:1 b/Müll 1.png:0 b/a "quoted", name.png:2.5 c;d/two	words.png:0.25 e/=5.png:3 e/three|four.png:0.001]` {
				t.Errorf("weights %s", got)
			}
			if len(split.Train) != 4 || len(split.Validation) != 1 || len(split.Test) != 1 || split.Test[0].Path != "b/Müll 1.png" {
				t.Errorf("parts of %d, %d, %d", len(split.Train), len(split.Validation), len(split.Test))
			}
			if want := [][]string{{"a/one.png", "c;d/two\twords.png"}}; split.Grouping.By != "column group" || !reflect.DeepEqual(split.Grouping.Groups, want) {
				t.Errorf("grouping %+v", split.Grouping)
			}
			if s := split.Source; s.Table == nil || len(s.Table.SHA256) != 64 || s.Table.Columns != (Columns{"path", "label", "split", "group", "weight", ""}) || !slices.Equal(s.Given, PartNames[:3]) {
				t.Errorf("source %+v", s)
			}
		})
	}
}

// What a table says is checked, and each refusal names the line.
func TestTableRefusals(t *testing.T) {
	root := writeTree(t, map[string][]byte{"a.png": shade(t, 1), "b.png": shade(t, 2), "c.jpg": shade(t, 3), "c.png": shade(t, 4)})
	outside := filepath.Join(filepath.Dir(root), "x.png")
	for text, want := range map[string]string{
		"":                                   "it is empty",
		"path,label\n":                       "it names no image",
		"name,label\na.png,x\n":              "no column is called path, file, filename, ...; it has name, label: name the column with --columns path=NAME",
		"path,breed\na.png,x\n":              "no column is called label, class, target, ...; it has path, breed: name the column with --columns label=NAME",
		"path,label\na.png\n":                "record on line 2: wrong number of fields",
		"path,label\na.png,x\n\"b.png,y\n":   "extraneous or missing \" in quoted-field",
		"path,label\na.png,x\n../x.png,y\n":  `line 3: "../x.png" is outside of the root, ` + root + `: name a folder above it with --root`,
		"path,label\n" + outside + ",x\n":    fmt.Sprintf("line 2: %q is outside of the root", outside),
		"path,label\na/../../x.png,x\n":      `line 2: "a/../../x.png" is outside of the root`,
		"path,label\n/etc/passwd,x\n":        `line 2: "/etc/passwd" is outside of the root`,
		"path,label\na.png,x\n./a.png,y\n":   `line 3: "a.png" is in line 2 already`,
		"path,label\nc,x\n":                  `line 2: "c" is ambiguous: c.jpg, c.png`,
		"path,label,split\na.png,x,half\n":   `line 2: split is "half", want train, validation or test`,
		"path,label,split\na.png,x,test\n":   "column split has no image for train",
		"path,label,weight\na.png,x,0\n":     `line 2: the weight is "0", want a number above 0`,
		"path,label,weight\na.png,x,NaN\n":   `line 2: the weight is "NaN", want a number above 0`,
		"path,label\na.png,\"x\ny\"\n":       "is not the name of a class",
		"path,label\na.png,\xff\n":           `line 2: "\xff" is not UTF-8`,
		"path,label\ngone.png,x\nlost.png,y": `its images are not in ` + root + `, as "gone.png": name their folder with --root`,
		"\xff\xfep\x00":                      "it is UTF-16: save it as UTF-8",
		"path,label\n\"a\x00.png\",x\n":      `line 2: "a\x00.png" is no path`,
	} {
		table := filepath.Join(root, "t.csv")
		testkit.Write(t, table, text)
		_, err := Scan(t.Context(), table, ScanOptions{Unsplit: true})
		if err == nil || !strings.HasPrefix(err.Error(), "table "+table+": ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		`{"path": "a.png", "label": ["x", "y"]}`: "line 1: label is a list: if images have several labels, take --columns labels=label",
		"{\"path\": \"a.png\", \"label\": 1}\nx": `line 2: not a JSON object: "x"`,
	} {
		table := filepath.Join(root, "t.jsonl")
		testkit.Write(t, table, text)
		_, err := Scan(t.Context(), table, ScanOptions{Unsplit: true})
		testkit.WantError(t, err, "table "+table+": "+want)
	}
	// With a root above, an absolute path and one that goes up are within.
	testkit.Write(t, filepath.Join(root, "sub", "t.csv"), "path,label\n"+root+"/a.png,x\n"+"sub/../b.png,y\n")
	folder, err := Scan(t.Context(), filepath.Join(root, "sub", "t.csv"), ScanOptions{Table: TableOptions{Root: root}})
	if err != nil || len(folder.Items) != 2 || folder.Items[0].Path != "a.png" {
		t.Errorf("%v, %v", folder, err)
	}
	_, err = Scan(t.Context(), root, ScanOptions{Table: TableOptions{Columns: Columns{Label: "x"}}})
	testkit.WantError(t, err, fmt.Sprintf("columns are those of a table, and %q is none (.csv, .tsv, .jsonl, .ndjson)", root))
}

// Names of classes come from a file, in its order; labels may be their numbers.
func TestTableClasses(t *testing.T) {
	root := writeTree(t, map[string][]byte{"a.png": shade(t, 1), "b.png": shade(t, 2), "c.png": shade(t, 3)})
	for name, test := range map[string]struct{ labels, file, names, want string }{
		"sorted":         {"b a b", "", "", "[a b] b a b"},
		"numbers":        {"10 9 10.0", "", "", "[9 10] 10 9 10"},
		"order":          {"b a b", "n.txt", "\ufeffb\r\na\r\n\r\n", "[b a] b a b"},
		"counted from 0": {"1 0 1", "n.txt", "cat\ndog", "[cat dog] dog cat dog"},
		"numbered":       {"10 2 2", "n.json", `{"2": "rose", "10": "iris"}`, "[rose iris] iris rose rose"},
		"a list":         {"1 0 0", "n.json", `["rose", "iris"]`, "[rose iris] iris rose rose"},
		"named 1 and 0":  {"1 0 0", "n.txt", "1\n0", "[1 0] 1 0 0"},
		"none such":      {"a b c", "n.txt", "a\nb", `line 4: no class "c" (a?); have a, b`},
		"too high":       {"0 1 2", "n.txt", "a\nb", "line 4: label 2 is none of the 2 numbers of n.txt, 0 to 1"},
		"twice":          {"a b a", "n.txt", "a\na", `n.txt has the class "a" twice`},
		"no names":       {"a b a", "n.json", `{"a": "b"}`, `n.json: "a" is not the number of a class`},
	} {
		t.Run(name, func(t *testing.T) {
			text := "file,class\n"
			for i, label := range strings.Fields(test.labels) {
				text += fmt.Sprintf("%c.png,%s\n", 'a'+i, label)
			}
			testkit.Write(t, filepath.Join(root, "t.csv"), text)
			opts := ScanOptions{Unsplit: true}
			if test.file != "" {
				opts.Table.Classes = filepath.Join(root, test.file)
				testkit.Write(t, opts.Table.Classes, test.names)
			}
			folder, err := Scan(t.Context(), filepath.Join(root, "t.csv"), opts)
			got := ""
			if err != nil {
				got = strings.ReplaceAll(strings.TrimPrefix(err.Error(), "table "+filepath.Join(root, "t.csv")+": "), root+"/", "")
			} else {
				got = fmt.Sprint(folder.Classes)
				for _, item := range folder.Items {
					got += " " + folder.Classes[item.Class]
				}
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// A group never straddles parts, whatever the groups, classes and parts of a table.
func TestGroupsOfTablesNeverStraddle(t *testing.T) {
	files := map[string][]byte{}
	const images = 60
	for i := range images {
		files[fmt.Sprintf("%d.png", i)] = shade(t, i)
	}
	root := writeTree(t, files)
	made := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 16))
		classes, groups := 2+r.IntN(3), 12+r.IntN(40)
		given := r.IntN(2) == 0
		text := "path,label,patient,part\n"
		for i := range images {
			group := r.IntN(groups)
			part := "train"
			if given && group%4 == 0 { // groups of the given part are its own
				part = "test"
			}
			text += fmt.Sprintf("%d.png,c%d,p%d,%s\n", i, i%classes, group, part)
		}
		testkit.Write(t, filepath.Join(root, "t.csv"), text)
		folder, err := Scan(t.Context(), filepath.Join(root, "t.csv"), ScanOptions{Table: TableOptions{GroupBy: "patient"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := folder.Group(t.Context(), "patient", 0, ScanOptions{}); err != nil {
			t.Fatal(err)
		}
		split, err := NewSplit(folder, DefaultFractions, seed)
		if err != nil {
			if !strings.Contains(err.Error(), "too few") {
				t.Fatal(err)
			}
			continue
		}
		made++
		of := map[string]string{}
		for _, name := range PartNames[:3] {
			items, _ := split.Part(name)
			for _, item := range items {
				of[item.Path] = name
			}
		}
		if len(of) != images {
			t.Fatalf("%d images in the split", len(of))
		}
		groupPart := map[string]string{}
		for i, line := range strings.Split(strings.TrimSpace(text), "\n")[1:] {
			cells := strings.Split(line, ",")
			part := of[fmt.Sprintf("%d.png", i)]
			if before, known := groupPart[cells[2]]; known && before != part {
				t.Fatalf("seed %d: group %s is in %s and %s", seed, cells[2], before, part)
			}
			groupPart[cells[2]] = part
			if cells[3] == "test" && part != "test" {
				t.Fatalf("seed %d: %s of the given test part is in %s", seed, cells[0], part)
			}
		}
	}
	if made < 30 {
		t.Errorf("only %d splits were made", made)
	}
}

// A line without end is an error soon, whatever the kind of table.
func TestTableOfOneLongLine(t *testing.T) {
	for _, kind := range tableKinds {
		table := filepath.Join(t.TempDir(), "table"+kind)
		head, ok := map[string]string{".csv": "path,label\n", ".tsv": "path\tlabel\n"}[kind]
		if !ok {
			head = "\n"
		}
		if err := os.WriteFile(table, []byte(head), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(table, 1<<40); err != nil {
			t.Skip(err)
		}
		if _, _, err := listTable(table, TableOptions{}); err == nil || !strings.Contains(err.Error(), "a line has more than 16777216 bytes") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// A quoted field over many lines has the limit of a line.
func TestTableOfOneLongField(t *testing.T) {
	for kind, head := range map[string]string{".csv": "path,label\na.png,b\n\"", ".tsv": "path\tlabel\na.png\tb\n\""} {
		table := filepath.Join(t.TempDir(), "table"+kind)
		if err := os.WriteFile(table, []byte(head+strings.Repeat(strings.Repeat("x", 99)+"\n", 1<<18)), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, _, err := listTable(table, TableOptions{}); err == nil || !strings.Contains(err.Error(), "a row of several lines has more than 16777216 bytes") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
