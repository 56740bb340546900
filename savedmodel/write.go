package savedmodel

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/variable_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/graph"
)

// Model is the input of [Write].
type Model struct {
	Graph      *graph.Graph
	Session    *graph.Session    // with the variables' values
	Variables  []*graph.Variable // if empty, the weights are constants, and Session and Saver may be nil
	Saver      Saver
	Signatures map[string]Signature
	Metadata   Metadata
}

// Write writes a SavedModel to dir, which must not exist, be empty, or be the same model written by
// oscar with the same signatures and options. It writes to a folder next to dir, syncs and renames
// it, so that dir is never incomplete. Other programs' files in assets and assets.extra are kept.
func Write(ctx context.Context, dir string, m Model) (err error) {
	for name, s := range m.Signatures {
		if s.Steps > 0 {
			m.Metadata.setSteps(name, s.Steps)
		}
	}
	by := content{&m.Metadata, slices.Sorted(maps.Keys(m.Signatures)), len(m.Variables) == 0}
	if err := by.replaces(dir); err != nil {
		return err
	}
	return atomicfile.Dir(dir, func(tmp string) error {
		// Another process may have written to dir before this one got the lock.
		if err := by.replaces(dir); err != nil {
			return err
		}
		meta := &pb.MetaGraphDef{
			MetaInfoDef:   &pb.MetaGraphDef_MetaInfoDef{Tags: []string{"serve"}, TensorflowVersion: graph.Version()},
			SignatureDef:  map[string]*pb.SignatureDef{},
			CollectionDef: map[string]*pb.CollectionDef{},
		}
		if len(m.Variables) > 0 {
			if err := os.Mkdir(filepath.Join(tmp, "variables"), 0o777); err != nil {
				return err
			}
			if err := m.Saver.Save(ctx, m.Session, filepath.Join(tmp, "variables", "variables")); err != nil {
				return err
			}
			meta.SaverDef = &pb.SaverDef{
				FilenameTensorName: m.Saver.filename.Name(),
				SaveTensorName:     m.Saver.control.Name(),
				RestoreOpName:      m.Saver.restore.Name(),
				Version:            pb.SaverDef_V2,
			}
			if err := collect(meta, m.Variables); err != nil {
				return err
			}
		}
		for name, s := range m.Signatures {
			def, err := s.proto()
			if err != nil {
				return fmt.Errorf("signature %s: %w", name, err)
			}
			meta.SignatureDef[name] = def
		}
		def, err := graphDef(m.Graph)
		if err != nil {
			return err
		}
		meta.GraphDef = def
		if err := writeGraph(tmp, &pb.SavedModel{SavedModelSchemaVersion: 1, MetaGraphs: []*pb.MetaGraphDef{meta}}); err != nil {
			return err
		}
		if err := writeMetadata(tmp, &m.Metadata); err != nil {
			return err
		}
		if err := checksum.Seal(tmp); err != nil {
			return err
		}
		return keepExtras(dir, tmp)
	})
}

// extraFolders are the folders of a SavedModel for other programs' files, such as TensorFlow
// Serving's warm-up requests in assets.extra.
var extraFolders = []string{"assets", "assets.extra"}

// keepExtras copies other programs' files in dir's extra folders to the new model in tmp. The list
// of checksums does not have them.
func keepExtras(dir, tmp string) error {
	for _, folder := range extraFolders {
		entries, err := os.ReadDir(filepath.Join(dir, folder))
		if os.IsNotExist(err) {
			continue
		} else if err != nil {
			return err
		}
		for _, e := range entries {
			from, to := filepath.Join(dir, folder, e.Name()), filepath.Join(tmp, folder, e.Name())
			if _, err := os.Lstat(to); err == nil {
				continue // oscar's own file
			}
			if err := copyTo(to, from, e); err != nil {
				return fmt.Errorf("keep %s: %w", from, err)
			}
		}
	}
	return nil
}

// copyTo copies a file, a link or a folder.
func copyTo(to, from string, e os.DirEntry) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	if e.IsDir() {
		return os.CopyFS(to, os.DirFS(from))
	}
	if e.Type()&os.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o666)
}

// content is what distinguishes two exports of the same model.
type content struct {
	*Metadata
	signatures []string // sorted names
	frozen     bool     // the weights are constants
}

// replaces returns nil if dir does not exist, is empty, or has only the same model written by oscar
// with the same content, and files in [extraFolders]. The weights may differ, as those of a run that
// was trained further.
func (c content) replaces(dir string) error {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, MetadataFile)); err != nil {
		return fmt.Errorf("%s is not a SavedModel that oscar wrote; name a new folder", dir)
	}
	for _, e := range entries {
		switch e.Name() {
		case "saved_model.pb", "variables", "assets", "assets.extra", checksum.File:
		default:
			return fmt.Errorf("%s holds %s, which is not part of a model that oscar wrote; name a new folder", dir, e.Name())
		}
	}
	meta, signatures, err := Describe(dir)
	if err != nil {
		return nil
	}
	_, err = os.Stat(filepath.Join(dir, "variables"))
	before := content{meta, signatures, err != nil}
	if !before.sameModel(c.Metadata) {
		return fmt.Errorf("%s holds another model (%s: %s); name a new folder", dir, before.Model, strings.Join(before.Classes, ", "))
	}
	if what := before.otherOption(c); what != "" {
		return fmt.Errorf("%s holds this model with %s; name a new folder", dir, what)
	}
	return nil
}

// option is a setting of the user for which two exports of a model differ.
type option struct{ name, before, now string }

// otherOption describes the first option that differs between two exports of the same model.
// Options come from the user and cannot be derived from the model.
func (c content) otherOption(as content) string {
	weights := func(c content) string {
		if c.frozen {
			return "constants"
		}
		return "variables"
	}
	temperature := func(c content) string { return fmt.Sprint(cmp.Or(c.Temperature, 1)) }
	options := []option{
		{"the signatures", strings.Join(c.signatures, ", "), strings.Join(as.signatures, ", ")},
		{"the temperature", temperature(c), temperature(as)},
		{"the weights as", weights(c), weights(as)},
	}
	if c.Steps != nil { // older exports do not record them
		options = append(options, option{"the steps", fmt.Sprint(c.Steps), fmt.Sprint(as.Steps)})
	}
	if c.Origin != nil {
		options = append(c.adoptionOptions(as.Metadata), options...)
	}
	for _, o := range options {
		if o.before != o.now {
			return fmt.Sprintf("%s %s, not %s", o.name, o.before, o.now)
		}
	}
	return ""
}

// adoptionOptions are the options of two adoptions of the same model. The output comes first, because
// the classes and the layer depend on it.
func (m *Metadata) adoptionOptions(as *Metadata) []option {
	labels := func(m *Metadata) string {
		if m.MultiLabel == nil {
			return "one"
		}
		return "several"
	}
	frame := func(i Image) string { return fmt.Sprintf("%s %d", cmp.Or(i.Aspect, "stretch"), i.Padding) }
	output := func(m *Metadata) string { return m.Origin.Output + " of the signature " + m.Origin.Signature }
	return []option{
		{"the output", output(m), output(as)},
		{"the classes", strings.Join(m.Classes, ", "), strings.Join(as.Classes, ", ")},
		{"the input scale", m.Origin.Scale, as.Origin.Scale},
		{"the size", fmt.Sprintf("%d x %d", m.Image.Height, m.Image.Width), fmt.Sprintf("%d x %d", as.Image.Height, as.Image.Width)},
		{"the channels", cmp.Or(m.Origin.Channels, "as usual"), cmp.Or(as.Origin.Channels, "as usual")},
		{"the aspect and padding", frame(m.Image), frame(as.Image)},
		{"labels per image:", labels(m), labels(as)},
		{"the layer", m.Explain, as.Explain},
	}
}

// sameModel reports whether metadata is of the same run (which may have been trained further), of
// the same weights or of the same adopted model.
func (m *Metadata) sameModel(as *Metadata) bool {
	if (m.Origin == nil) != (as.Origin == nil) || m.Origin != nil && m.Origin.SHA256 != as.Origin.SHA256 {
		return false
	}
	if m.Origin == nil && !slices.Equal(m.Classes, as.Classes) {
		return false
	}
	return m.Model == as.Model && m.SplitHash == as.SplitHash && m.WeightsSHA256 == as.WeightsSHA256 && reflect.DeepEqual(m.settings(), as.settings())
}

// settings returns the experiment without the number of epochs, which --resume can change.
func (m *Metadata) settings() map[string]any {
	var all map[string]any
	if json.Unmarshal(m.Experiment, &all) != nil {
		return nil // no experiment
	}
	if training, ok := all["training"].(map[string]any); ok {
		delete(training, "epochs")
	}
	return all
}

// spellStrings writes the strings of a constant as a list. TensorFlow packs them into
// tensor_content: all lengths as varints, then all bytes. OpenVINO reads the names of restored
// variables only from the list, and crashes if it is empty.
func spellStrings(node *node_def_go_proto.NodeDef) error {
	t := node.Attr["value"].GetTensor()
	if node.Op != "Const" || t.GetDtype() != types_go_proto.DataType_DT_STRING || len(t.TensorContent) == 0 {
		return nil
	}
	n := 1
	for _, d := range t.TensorShape.Dim {
		n *= int(d.Size)
	}
	rest := t.TensorContent
	sizes := make([]uint64, n)
	for i := range sizes {
		size, used := binary.Uvarint(rest)
		if used <= 0 {
			return fmt.Errorf("%d bytes do not hold %d strings", len(t.TensorContent), n)
		}
		sizes[i], rest = size, rest[used:]
	}
	for _, size := range sizes {
		if size > uint64(len(rest)) {
			return fmt.Errorf("%d bytes do not hold %d strings", len(t.TensorContent), n)
		}
		t.StringVal, rest = append(t.StringVal, rest[:size]), rest[size:]
	}
	t.TensorContent = nil
	return nil
}

// collect adds the collections in which TensorFlow 2 looks for variables.
func collect(meta *pb.MetaGraphDef, vars []*graph.Variable) error {
	lists := map[string]*pb.CollectionDef_BytesList{"variables": {}, "trainable_variables": {}}
	for _, v := range vars {
		b, err := proto.Marshal(&variable_go_proto.VariableDef{
			VariableName:     v.Handle.Name(),
			InitialValueName: v.Initial.Name(),
			InitializerName:  v.Init.Name(),
			SnapshotName:     v.Value.Name(),
			IsResource:       true,
			Trainable:        v.Trainable,
		})
		if err != nil {
			return err
		}
		lists["variables"].Value = append(lists["variables"].Value, b)
		if v.Trainable {
			lists["trainable_variables"].Value = append(lists["trainable_variables"].Value, b)
		}
	}
	for name, list := range lists {
		meta.CollectionDef[name] = &pb.CollectionDef{Kind: &pb.CollectionDef_BytesList_{BytesList: list}}
	}
	return nil
}
