package savedmodel

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/checksum"
	"oscar/internal/paths"
)

// Describe reads a model's metadata and the names of its signatures without
// loading its weights.
func Describe(dir string) (*Metadata, []string, error) {
	meta, graph, err := describe(dir)
	if err != nil {
		return nil, nil, err
	}
	return meta, slices.Sorted(maps.Keys(graph.SignatureDef)), nil
}

// describe reads a model's metadata and its graph.
func describe(dir string) (*Metadata, *pb.MetaGraphDef, error) {
	meta, err := readMetadata(dir)
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, "saved_model.pb")
	b, err := paths.ReadFile(path, paths.Graph)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, lacksGraph(dir)
	} else if err != nil {
		return nil, nil, err
	}
	if err := checkFiles(dir, MetadataFile, "saved_model.pb"); err != nil {
		return nil, nil, err
	}
	model := &pb.SavedModel{}
	if err := proto.Unmarshal(b, model); err != nil {
		return nil, nil, fmt.Errorf("%s is damaged: %w", path, err)
	}
	if len(model.MetaGraphs) == 0 {
		return nil, nil, fmt.Errorf("%s is damaged: it holds no graph", path)
	}
	return meta, model.MetaGraphs[0], nil
}

// checkFiles compares files of a model with its list of checksums. Without names it compares all
// files in the list.
func checkFiles(dir string, names ...string) error {
	err := checksum.Check(dir, names...)
	if d, ok := errors.AsType[*checksum.Damage](err); ok {
		d.Remedy = "export the model again; if you changed the file yourself, remove " + filepath.Join(dir, checksum.File)
	}
	return err
}

// weightsIndex has a CRC-32C of each tensor of the weights.
const weightsIndex = "variables/variables.index"

// checkBeforeLoading compares the files of a model with its list of checksums. If the list has the
// index of the weights, the weights are skipped, because they are large: TensorFlow compares each
// tensor that it reads with the CRC-32C in the index.
func checkBeforeLoading(dir string) error {
	list, err := checksum.Read(dir)
	if err != nil {
		return cmp.Or(checkFiles(dir), err) // this error has the remedy
	}
	_, indexed := list[weightsIndex]
	names := slices.DeleteFunc(list.Names(), func(name string) bool {
		return indexed && strings.HasPrefix(name, "variables/variables.data-")
	})
	if len(names) == 0 {
		return nil
	}
	return checkFiles(dir, names...)
}

func lacksGraph(dir string) error {
	return fmt.Errorf("%s is not a SavedModel: it has no saved_model.pb", dir)
}
