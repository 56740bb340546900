package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// library are the packages that a program outside the module imports. What they
// export is decided by what such a program needs. The other packages export what
// another package uses.
var library = []string{"oscar", "dataset", "experiment", "explain", "global", "gradcam", "heatmap", "metric", "savedmodel", "score", "tfmodel"}

// source is a parsed file of the module.
type source struct {
	pkg  string // its place in the order of packages
	test bool
	ast  *ast.File
}

func sources(t *testing.T) (all []source) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != root && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"bin", "runs", "testdata"}, d.Name())) {
			return filepath.SkipDir
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if dir == "." {
			dir = "oscar"
		}
		all = append(all, source{filepath.ToSlash(dir), strings.HasSuffix(file, "_test.go"), parsed})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestExportedNamesAreUsed finds what is exported for nobody. A type that an exported
// name speaks of stays, and so do the members of an enumeration, and methods whose name
// some file outside the package uses.
func TestExportedNamesAreUsed(t *testing.T) {
	all := sources(t)
	used := map[string]bool{} // "internal/named.Find"; ".Close" of a method
	for _, s := range all {
		imports := map[string]string{}
		for _, spec := range s.ast.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			name := path.Base(imported)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			imports[name] = strings.TrimPrefix(imported, "oscar/")
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if n, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := n.X.(*ast.Ident); ok && imports[x.Name] != "" {
					used[imports[x.Name]+"."+n.Sel.Name] = true
				}
				used[s.pkg+"/."+n.Sel.Name] = true
			}
			return true
		})
	}
	usedElsewhere := func(pkg, method string) bool {
		return slices.ContainsFunc(order, func(other string) bool { return other != pkg && used[other+"/."+method] })
	}
	for _, s := range all {
		if s.test || s.ast.Name.Name == "main" || slices.Contains(library, s.pkg) {
			continue
		}
		spoken := spokenTypes(all, s.pkg)
		for _, d := range s.ast.Decls {
			for _, name := range exportedNames(d) {
				method := name[strings.Index(name, ".")+1:]
				switch {
				case used[s.pkg+"."+name], spoken[name], method != name && (usedElsewhere(s.pkg, method) || slices.Contains(interfaceMethods, method)):
				default:
					t.Errorf("%s.%s is exported, but no other package uses it", s.pkg, name)
				}
			}
		}
	}
}

// interfaceMethods are methods that the standard library, another module or a template
// calls.
var interfaceMethods = []string{"String", "Error", "Unwrap", "MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "MarshalYAML", "UnmarshalYAML",
	"Read", "ReadAt", "Write", "Close", "ServeHTTP", "Stops"}

// exportedNames are the names that a declaration exports: "Find", "List.Names". Members
// of an enumeration, which are constants with a type or with others, are left out.
func exportedNames(d ast.Decl) (names []string) {
	add := func(prefix string, id *ast.Ident) {
		if id.IsExported() {
			names = append(names, prefix+id.Name)
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		receiver := ""
		if d.Recv != nil {
			receiver = typeName(d.Recv.List[0].Type)
			if !ast.IsExported(receiver) {
				return nil
			}
			receiver += "."
		}
		add(receiver, d.Name)
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				add("", spec.Name)
			case *ast.ValueSpec:
				if d.Tok == token.CONST && (spec.Type != nil || len(d.Specs) > 1) {
					continue
				}
				for _, id := range spec.Names {
					add("", id)
				}
			}
		}
	}
	return names
}

// typeName is the name of a receiver's type.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// spokenTypes are the names in signatures of exported functions, in exported fields and
// in the types of exported variables of a package.
func spokenTypes(all []source, pkg string) map[string]bool {
	spoken := map[string]bool{}
	speak := func(own string, n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.Name != own {
				spoken[id.Name] = true
			}
			return true
		})
	}
	for _, s := range all {
		if s.pkg != pkg || s.test {
			continue
		}
		for _, d := range s.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() {
					speak("", d.Type)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						speak(spec.Name.Name, spec.Type)
					case *ast.ValueSpec:
						if spec.Names[0].IsExported() {
							speak(spec.Names[0].Name, spec)
						}
					}
				}
			}
		}
	}
	return spoken
}
