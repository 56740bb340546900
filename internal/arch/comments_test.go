package arch

import (
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A comment on a declaration begins with the declared name, so that a new name cannot leave an old
// one in the comment. A comment on several names may begin with "The".
func TestCommentsBeginWithTheName(t *testing.T) {
	seen := 0
	check := func(at token.Position, doc *ast.CommentGroup, names ...string) {
		if doc == nil || strings.TrimSpace(doc.Text()) == "" {
			return
		}
		seen++
		words := strings.Fields(doc.Text())
		if len(words) > 1 && slices.Contains([]string{"A", "An", "The"}, words[0]) {
			if words[0] == "The" && len(names) > 1 {
				return
			}
			words = words[1:]
		}
		if first := strings.TrimRight(words[0], ",:"); first != names[0] {
			t.Errorf("%s: the comment on %s begins with %q", at, names[0], first)
		}
	}
	for file, set := range commented(t) {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				check(set.Position(d.Pos()), d.Doc, d.Name.Name)
			case *ast.GenDecl:
				if d.Lparen.IsValid() || len(d.Specs) != 1 {
					continue
				}
				switch s := d.Specs[0].(type) {
				case *ast.TypeSpec:
					check(set.Position(d.Pos()), d.Doc, s.Name.Name)
				case *ast.ValueSpec:
					var names []string
					for _, n := range s.Names {
						names = append(names, n.Name)
					}
					check(set.Position(d.Pos()), d.Doc, names...)
				}
			}
		}
	}
	if seen < 1000 {
		t.Errorf("found %d comments only", seen)
	}
}

// A link in a comment, such as [Name], [Type.Method] or [pkg.Name], names a declaration. A single
// letter is a dimension of a shape: [N].
func TestLinksInCommentsLead(t *testing.T) {
	declared, links := map[string]map[string]bool{}, 0 // by the name of the package
	files := commented(t)
	dirOf := func(f *ast.File) string { return filepath.Base(filepath.Dir(files[f].Position(f.Pos()).Filename)) }
	for file := range files {
		if declared[dirOf(file)] == nil {
			declared[dirOf(file)] = map[string]bool{}
		}
		for _, name := range declarations(file) {
			declared[dirOf(file)][name] = true
		}
	}
	p := comment.Parser{
		LookupPackage: func(name string) (string, bool) { return name, declared[name] != nil },
		LookupSym:     func(string, string) bool { return true },
	}
	for file, set := range files {
		for _, group := range file.Comments {
			for _, link := range docLinks(p.Parse(group.Text()).Content) {
				name := strings.TrimPrefix(link.Recv+"."+link.Name, ".")
				if len(name) < 2 {
					continue
				}
				links++
				in := declared[dirOf(file)]
				if link.ImportPath != "" {
					in = declared[path.Base(link.ImportPath)] // nil: of another module
				}
				if in != nil && !in[name] {
					t.Errorf("%s: the link [%s] names nothing", set.Position(group.Pos()), strings.TrimPrefix(link.ImportPath+"."+name, "."))
				}
			}
		}
	}
	if links < 100 {
		t.Errorf("found %d links only", links)
	}
}

// docLinks returns the links to declarations in blocks of a comment.
func docLinks(blocks []comment.Block) (links []*comment.DocLink) {
	for _, b := range blocks {
		var text []comment.Text
		switch b := b.(type) {
		case *comment.Paragraph:
			text = b.Text
		case *comment.Heading:
			text = b.Text
		case *comment.List:
			for _, item := range b.Items {
				links = append(links, docLinks(item.Content)...)
			}
		}
		for _, x := range text {
			if l, ok := x.(*comment.DocLink); ok {
				links = append(links, l)
			}
		}
	}
	return links
}

// declarations returns the names that a file declares, methods and fields as Type.Name.
func declarations(file *ast.File) (names []string) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil {
				recv := d.Recv.List[0].Type
				if star, ok := recv.(*ast.StarExpr); ok {
					recv = star.X
				}
				switch generic := recv.(type) {
				case *ast.IndexExpr:
					recv = generic.X
				case *ast.IndexListExpr:
					recv = generic.X
				}
				name = recv.(*ast.Ident).Name + "." + name
			}
			names = append(names, name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
					ast.Inspect(s.Type, func(n ast.Node) bool {
						if f, ok := n.(*ast.Field); ok {
							for _, name := range f.Names {
								names = append(names, s.Name.Name+"."+name.Name)
							}
						}
						return true
					})
				case *ast.ValueSpec:
					for _, n := range s.Names {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// commented returns the module's files but tests, parsed with their comments.
func commented(t *testing.T) map[*ast.File]*token.FileSet {
	t.Helper()
	files, set := map[*ast.File]*token.FileSet{}, token.NewFileSet()
	err := filepath.WalkDir("../..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != "../.." && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"bin", "runs", "testdata"}, d.Name())) {
			return filepath.SkipDir
		}
		if filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(set, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		files[parsed] = set
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
