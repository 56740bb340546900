package page

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/internal/text"
)

//go:embed page.tmpl
var pageTemplate string

//go:embed page.css
var pageStyle string

// generator marks a page as oscar's report. Files without it are never overwritten.
const generator = `<meta name="generator" content="oscar">`

// Write writes a page to an HTML file atomically. It replaces an earlier report, but no other file.
func Write(ctx context.Context, path string, p Page) error {
	if err := Replaceable(path); err != nil {
		return err
	}
	html, err := p.HTML(ctx)
	if err != nil {
		return err
	}
	return atomicfile.Output(path, atomicfile.Bytes(html))
}

// Replaceable returns an error if path has a file that is not a report.
func Replaceable(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder; name a file, as %s", path, filepath.Join(path, "report.html"))
	}
	before, err := head(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !bytes.Contains(before, []byte(generator)) {
		return fmt.Errorf("%s exists and is not a report of oscar; name another file", path)
	}
	return nil
}

// head returns the start of a file, which has the generator in a report.
func head(path string) ([]byte, error) {
	f, err := paths.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 1024))
}

// HTML renders the page.
func (p Page) HTML(ctx context.Context) ([]byte, error) {
	// The first pass has no pictures, to measure the remaining space.
	bare := &printer{}
	text, err := bare.print(p)
	if err != nil {
		return nil, err
	}
	room := Budget - len(text)
	if room < 0 {
		return nil, fmt.Errorf("the report takes %s without pictures, more than %s", Bytes(int64(len(text))), Bytes(Budget))
	}
	images, err := encode(ctx, bare.pictures, room)
	if err != nil {
		return nil, err
	}
	return (&printer{images: images}).print(p)
}

// printer renders a page. It identifies pictures by their order.
type printer struct {
	pictures []Picture // the pictures so far
	images   []encoded // the encoded pictures; empty in the first pass
	ids      int
	depth    int // number of heading levels below a section's
	page     *template.Template
}

func (p *printer) print(page Page) ([]byte, error) {
	var err error
	p.page, err = template.New("page.tmpl").Funcs(template.FuncMap{
		"show":      p.show,
		"picture":   p.picture,
		"id":        p.id,
		"heading":   p.heading,
		"anchor":    func(i int) string { return "part-" + strconv.Itoa(i+1) },
		"style":     func() template.CSS { return template.CSS(pageStyle) },
		"generator": func() template.HTML { return template.HTML(generator) },
		"units":     func(share float64) string { return fixed(100 * min(max(share, 0), 1)) },
		"sub":       func(a, b float64) float64 { return a - b },
	}).Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = p.page.Execute(&text.Writer{To: &b}, page)
	return b.Bytes(), err
}

// show renders a block with its template.
func (p *printer) show(b Block) (template.HTML, error) {
	if _, ok := b.(Sub); ok {
		p.depth++
		defer func() { p.depth-- }()
	}
	var out strings.Builder
	err := p.page.ExecuteTemplate(&out, b.template(), b)
	return template.HTML(out.String()), err
}

// heading returns a heading in a section, or in a part of a section.
func (p *printer) heading(b Block, title string) template.HTML {
	rank := 3 + p.depth
	if _, ok := b.(Sub); ok {
		rank-- // the heading of the part itself
	}
	return template.HTML(fmt.Sprintf("<h%d>%s</h%d>", rank, template.HTMLEscapeString(title), rank))
}

// picture returns an encoded picture. In the first pass it returns a placeholder with the same size
// except for the URL.
func (p *printer) picture(from Picture) encoded {
	p.pictures = append(p.pictures, from)
	if p.images == nil {
		return encoded{Width: 1000, Height: 1000, Missing: strings.Repeat("?", longestReason)}
	}
	return p.images[len(p.pictures)-1]
}

// id returns a unique name on the page.
func (p *printer) id() string {
	p.ids++
	return "n" + strconv.Itoa(p.ids)
}

// Style returns the style sheet of all pages, for a server that links to it.
func Style() string { return pageStyle }
