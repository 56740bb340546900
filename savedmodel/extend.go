package savedmodel

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/graph"
	"oscar/internal/paths"
)

// Extend writes a copy of oscar's model in dir to out, with more signatures. add may add operations
// to the graph of the opened model. It returns the new signatures by name; they replace existing
// ones of the same name. Weights and metadata are unchanged, except for the steps of new signatures.
// out must not exist, be empty, or be the same model written by oscar with the same signatures and
// options.
func Extend(dir, out string, config graph.Config, add func(*Bundle, *graph.Graph) (map[string]Signature, error)) error {
	of, err := readMetadata(dir)
	if err != nil {
		return err
	}
	b, err := Open(dir, config)
	if err != nil {
		return err
	}
	defer b.Close()
	signatures, err := add(b, b.graph)
	if err != nil {
		return err
	}
	saved := &pb.SavedModel{}
	text, err := paths.ReadFile(filepath.Join(dir, "saved_model.pb"), paths.Graph)
	if err == nil {
		err = proto.Unmarshal(text, saved)
	}
	if err != nil {
		return err
	}
	if len(saved.MetaGraphs) != 1 {
		return fmt.Errorf("%s has %d graphs, want one as oscar writes it", dir, len(saved.MetaGraphs))
	}
	meta := saved.MetaGraphs[0]
	for name, s := range signatures {
		if s.Steps > 0 {
			of.setSteps(name, s.Steps)
		}
		if meta.SignatureDef[name], err = s.proto(); err != nil {
			return fmt.Errorf("signature %s: %w", name, err)
		}
	}
	if meta.GraphDef, err = graphDef(b.graph); err != nil {
		return err
	}
	return writeCopy(dir, out, of, saved)
}

// writeCopy writes a copy of the model in dir to out, with another graph and other metadata.
func writeCopy(dir, out string, of *Metadata, saved *pb.SavedModel) error {
	variables := filepath.Join(dir, "variables")
	_, err := os.Stat(variables)
	by := content{of, slices.Sorted(maps.Keys(saved.MetaGraphs[0].SignatureDef)), err != nil}
	if err := by.replaces(out); err != nil {
		return err
	}
	return atomicfile.Dir(out, func(tmp string) error {
		if err := by.replaces(out); err != nil {
			return err
		}
		if err := copyFiles(variables, filepath.Join(tmp, "variables")); err != nil {
			return err
		}
		if err := writeMetadata(tmp, of); err != nil {
			return err
		}
		return finishCopy(tmp, dir, out, saved)
	})
}

// writeMetadata writes the metadata of a new model.
func writeMetadata(dir string, m *Metadata) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(MetadataFile)), 0o777); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, MetadataFile), append(b, '\n'), 0o666)
}

// graphDef returns a graph as a protocol buffer for other programs.
func graphDef(g *graph.Graph) (*graph_go_proto.GraphDef, error) {
	b, err := g.Def()
	if err != nil {
		return nil, err
	}
	def := &graph_go_proto.GraphDef{}
	if err := proto.Unmarshal(b, def); err != nil {
		return nil, fmt.Errorf("read the graph back: %w", err)
	}
	for _, node := range def.Node {
		if err := spellStrings(node); err != nil {
			return nil, fmt.Errorf("constant %s: %w", node.Name, err)
		}
	}
	return def, nil
}

// finishCopy writes the graph of a copy of the model in dir, and the list of files. It also copies
// the extra files of dir, and those of out, which the copy replaces.
func finishCopy(tmp, dir, out string, saved *pb.SavedModel) error {
	if err := writeGraph(tmp, saved); err != nil {
		return err
	}
	if err := checksum.Seal(tmp); err != nil {
		return err
	}
	if err := keepExtras(dir, tmp); err != nil {
		return err
	}
	return keepExtras(out, tmp)
}

func writeGraph(dir string, saved *pb.SavedModel) error {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(saved)
	if err != nil {
		return fmt.Errorf("serialize the model: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "saved_model.pb"), b, 0o666)
}

// copyFiles copies a file, or the files of a folder, if it exists. It follows links.
func copyFiles(from, to string) error {
	if _, err := os.Stat(from); os.IsNotExist(err) {
		return nil // a frozen model has no variables
	}
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o777)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o777); err != nil {
			return err
		}
		return copyFile(path, filepath.Join(to, name))
	})
}

func copyFile(from, to string) (err error) {
	in, err := paths.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if closed := out.Close(); err == nil {
			err = closed
		}
	}()
	_, err = out.ReadFrom(in)
	return err
}
