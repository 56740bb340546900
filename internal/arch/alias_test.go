package arch

import (
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// extensible are the packages in whose terms a program outside the module writes its own
// layers, rules, signatures and explainers.
var extensible = []string{"tfmodel", "savedmodel", "explain", "gradcam"}

// A type of an internal package in an exported signature has an exported alias in one of the
// packages, so that other modules can name it.
func TestInternalTypesHaveAliases(t *testing.T) {
	export := exportData(t)
	load := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		file, ok := export[path]
		if !ok {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(file)
	})
	aliases := map[*types.TypeName]bool{}
	var loaded []*types.Package
	for _, name := range extensible {
		p, err := load.Import("oscar/" + name)
		if err != nil {
			t.Fatal(err)
		}
		loaded = append(loaded, p)
		for _, name := range p.Scope().Names() {
			if object, ok := p.Scope().Lookup(name).(*types.TypeName); ok && object.Exported() && object.IsAlias() {
				if named, ok := types.Unalias(object.Type()).(*types.Named); ok {
					aliases[named.Obj()] = true
				}
			}
		}
	}
	seen := 0
	for _, p := range loaded {
		for _, name := range p.Scope().Names() {
			object := p.Scope().Lookup(name)
			if !object.Exported() {
				continue
			}
			seen++
			for _, internal := range internalTypes(object) {
				if !aliases[internal] {
					t.Errorf("%s.%s has the type %s.%s in its signature, which no other module can name: add an exported alias",
						p.Name(), name, internal.Pkg().Name(), internal.Name())
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("found %d exported names only", seen)
	}
}

// exportData returns the compiler's files of export data by import path.
func exportData(t *testing.T) map[string]string {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}
	for _, name := range extensible {
		args = append(args, "oscar/"+name)
	}
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatalf("go list -export: %v", err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[path] = file
	}
	return files
}

// internalTypes returns the types of internal packages that an exported object shows: in its
// type, or in the exported fields and methods of the type that it declares.
func internalTypes(object types.Object) (found []*types.TypeName) {
	var visit func(t types.Type)
	visit = func(t types.Type) {
		switch t := types.Unalias(t).(type) {
		case *types.Named:
			if p := t.Obj().Pkg(); p != nil && strings.HasPrefix(p.Path(), "oscar/internal/") {
				found = append(found, t.Obj())
			}
			for i := range t.TypeArgs().Len() {
				visit(t.TypeArgs().At(i))
			}
		case *types.Pointer:
			visit(t.Elem())
		case *types.Slice:
			visit(t.Elem())
		case *types.Array:
			visit(t.Elem())
		case *types.Chan:
			visit(t.Elem())
		case *types.Map:
			visit(t.Key())
			visit(t.Elem())
		case *types.Signature:
			for _, tuple := range []*types.Tuple{t.Params(), t.Results()} {
				for i := range tuple.Len() {
					visit(tuple.At(i).Type())
				}
			}
		case *types.Struct:
			for i := range t.NumFields() {
				if t.Field(i).Exported() {
					visit(t.Field(i).Type())
				}
			}
		case *types.Interface:
			for i := range t.NumMethods() {
				if t.Method(i).Exported() {
					visit(t.Method(i).Type())
				}
			}
		}
	}
	name, declares := object.(*types.TypeName)
	if !declares {
		visit(object.Type())
		return found
	}
	if name.IsAlias() {
		return nil
	}
	visit(name.Type().Underlying())
	named := name.Type().(*types.Named)
	for i := range named.NumMethods() {
		if m := named.Method(i); m.Exported() {
			visit(m.Type())
		}
	}
	return found
}
