package reporttest

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Page is the parsed HTML of a report.
type Page struct {
	*testing.T
	Path string
	Text []byte
	Root *html.Node
}

// Read parses a report.
func Read(t *testing.T, path string) *Page {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return &Page{t, path, b, root}
}

// All returns the texts of the elements with a tag name. For pictures it returns the alternative
// texts.
func (p *Page) All(name string) (texts []string) {
	for n := range p.Root.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			texts = append(texts, textOf(n))
		}
	}
	return texts
}

func textOf(n *html.Node) string {
	for _, a := range n.Attr {
		if a.Key == "alt" {
			return a.Val
		}
	}
	var words []string
	for d := range n.Descendants() {
		if d.Type == html.TextNode && strings.TrimSpace(d.Data) != "" {
			words = append(words, strings.TrimSpace(d.Data))
		}
	}
	return strings.Join(words, " ")
}

// Want fails the test unless an element with that tag name has exactly that text.
func (p *Page) Want(name string, texts ...string) {
	p.Helper()
	have := p.All(name)
	for _, text := range texts {
		if !slices.Contains(have, text) {
			p.Errorf("no <%s> is %q; have %q", name, text, have)
		}
	}
}
