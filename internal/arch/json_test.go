package arch

import (
	"go/ast"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// forTests are packages whose messages only developers read.
var forTests = []string{"bench", "internal/agreement", "internal/reference", "internal/testkit"}

// Errors of encoding/json name Go types, such as "cannot unmarshal string into Go struct field". An
// error that may be in a message comes from jsonerror.Plain. Other code may only compare it with nil.
func TestJSONErrorsArePlain(t *testing.T) {
	seen := 0
	for file, set := range commented(t) {
		name, err := filepath.Rel("../..", set.Position(file.Pos()).Filename)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(forTests, func(dir string) bool { return strings.HasPrefix(name, dir+"/") }) {
			continue
		}
		var parents []ast.Node
		ast.Inspect(file, func(n ast.Node) bool {
			if n == nil {
				parents = parents[:len(parents)-1]
				return true
			}
			if call, ok := n.(*ast.CallExpr); ok && readsJSON(call, parents) {
				seen++
				if !isPlain(parents[len(parents)-1]) {
					t.Errorf("%s: the error of encoding/json is not plain: wrap the call in jsonerror.Plain", set.Position(call.Pos()))
				}
			}
			parents = append(parents, n)
			return true
		})
	}
	if seen < 30 {
		t.Errorf("%d calls of encoding/json, want 30 or more", seen)
	}
}

// readsJSON reports whether a call is json.Unmarshal, or Decode of a json.Decoder.
func readsJSON(call *ast.CallExpr, parents []ast.Node) bool {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	switch f.Sel.Name {
	case "Unmarshal":
		return isNamed(f.X, "json")
	case "Decode":
		if made, ok := f.X.(*ast.CallExpr); ok {
			return makesDecoder(made)
		}
		name, ok := f.X.(*ast.Ident)
		return ok && slices.ContainsFunc(parents, func(n ast.Node) bool {
			f, ok := n.(*ast.FuncDecl)
			return ok && declaresDecoder(f, name.Name)
		})
	}
	return false
}

// declaresDecoder reports whether a name is a json.Decoder in a function.
func declaresDecoder(f *ast.FuncDecl, name string) (found bool) {
	for _, field := range f.Type.Params.List {
		pointer, ok := field.Type.(*ast.StarExpr)
		if !ok {
			continue
		}
		of, ok := pointer.X.(*ast.SelectorExpr)
		if ok && isNamed(of.X, "json") && of.Sel.Name == "Decoder" {
			found = found || slices.ContainsFunc(field.Names, func(n *ast.Ident) bool { return n.Name == name })
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 1 && isNamed(a.Lhs[0], name) {
			made, ok := a.Rhs[0].(*ast.CallExpr)
			found = found || ok && makesDecoder(made)
		}
		return true
	})
	return found
}

func makesDecoder(call *ast.CallExpr) bool {
	f, ok := call.Fun.(*ast.SelectorExpr)
	return ok && isNamed(f.X, "json") && f.Sel.Name == "NewDecoder"
}

// isPlain reports whether the node around a call compares its error with nil, or passes it to
// jsonerror.Plain or jsonerror.At.
func isPlain(around ast.Node) bool {
	switch n := around.(type) {
	case *ast.BinaryExpr:
		return isNamed(n.Y, "nil")
	case *ast.CallExpr:
		f, ok := n.Fun.(*ast.SelectorExpr)
		return ok && isNamed(f.X, "jsonerror") && (f.Sel.Name == "Plain" || f.Sel.Name == "At")
	}
	return false
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}
