package page

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"oscar/metric"
	"oscar/report/reporttest"
)

var update = flag.Bool("update", false, "write the golden page anew")

// nasty is a name that would break out of text, an attribute, a style and a
// script if it were not escaped.
const nasty = `<b>"x"</b>' onload=alert(1) </style><script>alert(1)</script> {{.}} \ ü 日本語`

// noise is a picture that hardly compresses.
func noise(width, height int, seed uint64) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	random := rand.New(rand.NewPCG(seed, 1))
	for i := range img.Pix {
		img.Pix[i] = uint8(random.Uint32())
	}
	return img
}

func plain(width, height int) Picture {
	return Picture{Alt: "a gray field", Load: func() (image.Image, error) {
		img := image.NewGray(image.Rect(0, 0, width, height))
		for i := range img.Pix {
			img.Pix[i] = 128
		}
		return img, nil
	}}
}

// sample is a page with every block, and names that hold anything.
func sample() Page {
	confusion := &metric.Confusion{Classes: []string{"can", nasty, strings.Repeat("long", 20)}, Counts: [][]int{{7, 2, 1}, {0, 0, 0}, {5, 0, 5}}}
	line := func(name string, color int, values ...float64) Series {
		s := Series{Name: name, Color: color, Dashed: color == 0, Band: color == 1}
		for i, v := range values {
			s.Points = append(s.Points, Point{X: float64(i + 1), Y: v, Low: v - 0.1, High: v + 0.1})
		}
		return s
	}
	everyColor := Chart{Title: "Every color", X: "step"}
	for c := range 8 {
		everyColor.Series = append(everyColor.Series, line(fmt.Sprint("line ", c), c, float64(c), float64(c+1)))
	}
	tones := Table{Caption: "Every tone", Corner: "tone", Legend: List{"*: a mark"}}
	for level := range levels {
		tones.Columns = append(tones.Columns, Column{Name: fmt.Sprint("level ", level+1), Note: "higher is better"})
	}
	for _, tone := range []Tone{Plain, Faint, Good, Bad} {
		row := Row{Name: string(tone) + " row", Note: "control", Apart: tone == Bad}
		for level := range levels {
			value := "0.500"
			if tone == Faint && level == 0 {
				value = nasty
			}
			row.Cells = append(row.Cells, Cell{Text: value, Note: "0.100 to 0.900", Tone: tone, Level: level + 1, Mark: "*", Means: "in doubt",
				Span: &Span{0.1, 0.5, 0.9}})
		}
		tones.Rows = append(tones.Rows, row)
	}
	missing := Picture{Alt: nasty, Load: func() (image.Image, error) { return nil, errors.New("gone " + nasty) }}
	return Page{
		Kind: "oscar, sample", Title: nasty, Lead: nasty, Made: nasty,
		Figures: Figures{{"Accuracy", "68.8 %", "95 %: 63.6 to 73.7 %"}, {nasty, nasty, nasty}},
		Sections: []Section{
			{"Text", []Block{Text(nasty), List{nasty, "second"}, Code(nasty + strings.Repeat("unbroken", 40)), Facts{{"seed", "1"}, {nasty, nasty}},
				Fold{nasty, []Block{Text("folded " + nasty)}}, Statements{{"it is so", "supported", Good, "0.4"}, {nasty, "not supported", Bad, nasty}, {"who knows", "undecided", Plain, ""}},
				Outline{{"", nasty, "", Outline{{"yes", "leaf", "3 of 4", nil}, {"no", nasty, nasty, Outline{{nasty, nasty, nasty, nil}}}}}}}},
			{"Numbers", []Block{Beside{Matrix(confusion), PerClass(confusion.PerClass())}, Sub{nasty, []Block{tones}}}},
			{"Charts", []Block{Charts{
				{Title: "Loss", X: "epoch", Whole: true, Series: []Series{line("training", 0, 2, 1, 0.5), line(nasty, 1, 3, math.NaN(), 1)}, Mark: 2, Marked: "kept: epoch 2"},
				{Title: "One point", X: "epoch", Series: []Series{line("alone", 2, 0.3)}},
				{Title: "Nothing", X: "epoch", Series: []Series{{Name: "none"}}},
				everyColor,
			}}},
			{"Pictures", []Block{
				Wall{{Title: nasty, Note: nasty, Plates: []Plate{{nasty, nasty, []Picture{plain(300, 200)}}, {"missing", "", []Picture{missing}}}}},
				Wall{{Wide: true, Plates: []Plate{{"pair", "of two", []Picture{plain(20, 900), plain(900, 20)}}}}},
				Sub{"Within", []Block{Wall{{Title: "a shelf within a part", Plates: []Plate{{"", "", []Picture{plain(1, 1)}}}}}}},
			}},
		},
	}
}

func render(t *testing.T, p Page) []byte {
	t.Helper()
	text, err := p.HTML(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// all lists the elements of a name, or of every name.
func all(t *testing.T, text []byte, name string) (found []*html.Node) {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && (name == "" || n.Data == name) {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// Names that hold anything stay names: no element and no attribute comes of them.
func TestEscaping(t *testing.T) {
	page := render(t, sample())
	for _, n := range all(t, page, "") {
		if slices.Contains([]string{"script", "iframe", "object", "link", "base", "form"}, n.Data) {
			t.Errorf("the page has an element <%s>", n.Data)
		}
		if n.Data == "b" && strings.Contains(textOf(n), "x") && !strings.Contains(textOf(n), "<b>") {
			t.Errorf("an element came of a name: %q", textOf(n))
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("<%s> has the attribute %s=%q", n.Data, a.Key, a.Val)
			}
			if (a.Key == "src" || a.Key == "href") && !strings.HasPrefix(a.Val, "data:image/jpeg;base64,") && !strings.HasPrefix(a.Val, "#") {
				t.Errorf("<%s> points to %.60q", n.Data, a.Val)
			}
		}
	}
	for _, name := range []string{"title", "h1", "h3", "td", "th", "figcaption", "summary", "code", "dt", "dd"} {
		if !slices.ContainsFunc(all(t, page, name), func(n *html.Node) bool { return strings.Contains(textOf(n), nasty) }) {
			t.Errorf("no <%s> shows the name as it is", name)
		}
	}
	if n := strings.Count(string(page), "<style>"); n != 1 {
		t.Errorf("%d style sheets", n)
	}
	if bytes.Contains(page, []byte("ZgotmplZ")) {
		t.Error("the template refused a value")
	}
}

func TestPolicyForbidsNetworkAndScripts(t *testing.T) {
	for _, n := range all(t, render(t, sample()), "meta") {
		if attribute(n, "http-equiv") == "Content-Security-Policy" {
			if got, want := attribute(n, "content"), "default-src 'none'; img-src data:; style-src 'unsafe-inline'"; got != want {
				t.Errorf("the policy is %q", got)
			}
			return
		}
	}
	t.Error("the page has no policy")
}

// The sample without its pictures and style is kept, so that a change of the
// page's structure is seen.
func TestGolden(t *testing.T) {
	got := render(t, sample())
	from, to := bytes.Index(got, []byte("<style>")), bytes.Index(got, []byte("</style>"))
	got = slices.Concat(got[:from+len("<style>")], got[to:])
	for _, n := range all(t, got, "img") {
		got = bytes.ReplaceAll(got, []byte(attribute(n, "src")), []byte("..."))
	}
	golden := filepath.Join("testdata", "sample.html")
	if *update {
		if err := os.WriteFile(golden, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	gots, wants := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(gots), len(wants)) {
		if gots[i] != wants[i] {
			t.Fatalf("line %d (go test ./report -update writes it anew):\ngot:  %s\nwant: %s", i+1, gots[i], wants[i])
		}
	}
	if len(gots) != len(wants) {
		t.Errorf("%d lines, want %d", len(gots), len(wants))
	}
}

func TestSameBytes(t *testing.T) {
	if !bytes.Equal(render(t, sample()), render(t, sample())) {
		t.Error("the same page gives other bytes")
	}
}

// However little the pictures compress, the page keeps to its budget.
func TestBudget(t *testing.T) {
	for _, count := range []int{3, 60} {
		shelf := Shelf{Title: "noise"}
		for range count {
			shelf.Plates = append(shelf.Plates, Plate{Title: "a", Pictures: []Picture{{Alt: "noise", Load: func() (image.Image, error) { return noise(640, 480, 1), nil }}}})
		}
		page := render(t, Page{Title: "noise", Sections: []Section{{"Noise", []Block{Wall{shelf}}}}})
		if len(page) > Budget {
			t.Errorf("%d pictures make %d bytes, more than %d", count, len(page), Budget)
		}
		images := all(t, page, "img")
		if len(images) != count {
			t.Errorf("of %d pictures %d are shown", count, len(images))
		}
		if width := attribute(images[0], "width"); (width == "560") != (count == 3) {
			t.Errorf("one of %d pictures is %s wide", count, width)
		}
	}
}

// Each picture has its share, and what it leaves goes to the others.
func TestShares(t *testing.T) {
	hard := Picture{Load: func() (image.Image, error) { return noise(200, 200, 1), nil }}
	alone, err := encode(t.Context(), []Picture{hard}, 60_000)
	if err != nil {
		t.Fatal(err)
	}
	among, err := encode(t.Context(), []Picture{hard, hard, hard, hard}, 60_000)
	if err != nil {
		t.Fatal(err)
	}
	after, err := encode(t.Context(), []Picture{plain(200, 200), plain(200, 200), plain(200, 200), hard}, 60_000)
	if err != nil {
		t.Fatal(err)
	}
	if among[0] != among[1] || among[0].Width >= alone[0].Width {
		t.Errorf("widths alone %d, among others %d, %d", alone[0].Width, among[0].Width, among[1].Width)
	}
	if after[3].Width != alone[0].Width {
		t.Errorf("after pictures that take no room it is %d wide, alone %d", after[3].Width, alone[0].Width)
	}
}

// What is too much is left out, with words in its place.
func TestBudgetThatIsSpent(t *testing.T) {
	images, err := encode(t.Context(), []Picture{{Load: func() (image.Image, error) { return noise(50, 50, 1), nil }}, plain(50, 50)}, 4000)
	if err != nil {
		t.Fatal(err)
	}
	if images[0].Missing == "" || images[0].Source != "" {
		t.Errorf("a picture of noise fits %d bytes", len(images[0].Source))
	}
	if images[1].Source == "" {
		t.Errorf("a gray picture does not fit: %s", images[1].Missing)
	}
}

func TestPicturesAreReducedNotEnlarged(t *testing.T) {
	for _, c := range []struct{ from, want image.Point }{{image.Pt(1200, 900), image.Pt(560, 420)}, {image.Pt(900, 1200), image.Pt(420, 560)}, {image.Pt(30, 20), image.Pt(30, 20)}, {image.Pt(3000, 1), image.Pt(560, 1)}} {
		if got := reduce(image.NewGray(image.Rect(5, 5, 5+c.from.X, 5+c.from.Y)), 560).Bounds().Size(); got != c.want {
			t.Errorf("%v becomes %v, want %v", c.from, got, c.want)
		}
	}
	transparent := reduce(image.NewRGBA(image.Rect(0, 0, 4, 4)), 560)
	if got := color.GrayModel.Convert(transparent.At(1, 1)).(color.Gray).Y; got != 255 {
		t.Errorf("what is transparent becomes %d, want white", got)
	}
}

func TestWriteReplacesReportsAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report.html")
	for range 2 {
		if err := Write(t.Context(), path, sample()); err != nil {
			t.Fatal(err)
		}
	}
	mine := filepath.Join(dir, "mine.html")
	if err := os.WriteFile(mine, []byte("<p>mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{mine, mine + " exists and is not a report of oscar; name another file"},
		{dir, dir + " is a folder; name a file, as " + path},
	} {
		if err := Write(t.Context(), c.path, sample()); err == nil || err.Error() != c.want {
			t.Errorf("got:  %v\nwant: %s", err, c.want)
		}
	}
	other := filepath.Join(t.TempDir(), "no", "x.html") // its folder is made
	if err := Write(t.Context(), other, sample()); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(mine); string(b) != "<p>mine" {
		t.Error("a file that is no report was changed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Write(ctx, filepath.Join(dir, "stopped.html"), sample()); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestInBrowser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sample.html")
	if err := Write(t.Context(), path, sample()); err != nil {
		t.Fatal(err)
	}
	reporttest.Look(t, path)
}
