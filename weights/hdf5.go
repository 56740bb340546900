package weights

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"oscar/internal/hdf5"
	"oscar/internal/paths"
)

// openKeras reads the list of tensors in Keras's .weights.h5, .h5 or .keras files. The names are
// LAYER/ROLE, as in scripts/tensorfiles.py.
func openKeras(name string) (*File, error) {
	arrays := map[string]hdf5.Array{}
	start := int64(0) // offset of the HDF5 file in a .keras archive
	err := withHDF5(name, func(r io.ReaderAt, size, at int64) error {
		start = at
		f, err := hdf5.Read(r, size)
		if err == nil {
			arrays, err = kerasNames(f)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w; %s", err, convert(name))
	}
	out := &File{Format: "HDF5 of Keras", tensors: map[string]tensor{}}
	for name, a := range arrays {
		out.tensors[name] = tensor{a.Shape, a.Type != ""}
	}
	out.read = func(_ context.Context, names []string) ([][]float32, error) {
		f, err := paths.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		values := make([][]float32, len(names))
		for i, name := range names {
			a := arrays[name]
			kind := numbers[a.Type]
			if values[i], err = readNumbers(f, start+a.Offset, a.Bytes, kind.size, kind.read); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		return values, nil
	}
	return out, nil
}

// withHDF5 calls read with an HDF5 file, or with the one in a .keras archive, where it is not
// compressed. at is its offset.
func withHDF5(name string, read func(r io.ReaderAt, size, at int64) error) error {
	f, err := paths.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, 4)
	if _, err := f.ReadAt(head, 0); err != nil || string(head) != "PK\x03\x04" {
		return read(f, info.Size(), 0)
	}
	archive, err := zip.NewReader(f, info.Size())
	if err != nil {
		return fmt.Errorf("it is a damaged archive: %w", err)
	}
	i := slices.IndexFunc(archive.File, func(f *zip.File) bool { return f.Name == "model.weights.h5" })
	if i < 0 {
		return fmt.Errorf("it holds no model.weights.h5")
	}
	inner := archive.File[i]
	at, err := inner.DataOffset()
	size := int64(inner.UncompressedSize64)
	switch {
	case err != nil:
		return fmt.Errorf("it is a damaged archive: %w", err)
	case inner.Method != zip.Store:
		return fmt.Errorf("its model.weights.h5 is compressed, which is not read")
	case at < 0 || size < 0 || at > info.Size() || size > info.Size()-at:
		return fmt.Errorf("it is a damaged archive: model.weights.h5 lies outside of it")
	}
	return read(io.NewSectionReader(f, at, size), size, at)
}

// kerasNames returns the arrays by layer and role. Keras 3 numbers a layer's variables in
// .weights.h5 and .keras. Keras 2, and Keras 3 in .h5, name them.
// The variables of the optimizer are left out.
func kerasNames(f *hdf5.File) (map[string]hdf5.Array, error) {
	out := map[string]hdf5.Array{}
	root := ""
	if _, ok := f.Groups["model_weights"]; ok {
		root = "model_weights/"
	}
	for group, attributes := range f.Groups {
		layer, inside := strings.CutPrefix(group, root)
		for _, name := range list(attributes, "weight_names") {
			if !inside || layer == "" {
				continue
			}
			a, ok := f.Arrays[group+"/"+name]
			if !ok {
				return nil, fmt.Errorf("layer %s has no array %s", layer, name)
			}
			out[layer+"/"+strings.TrimSuffix(path.Base(name), ":0")] = a
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	for _, group := range slices.Sorted(maps.Keys(f.Groups)) {
		if path.Base(group) != "vars" || strings.HasPrefix(group, "optimizer/") || len(f.Groups[group]["name"]) != 1 {
			continue
		}
		var vars []hdf5.Array
		for {
			a, ok := f.Arrays[group+"/"+strconv.Itoa(len(vars))]
			if !ok {
				break
			}
			vars = append(vars, a)
		}
		layer := f.Groups[group]["name"][0]
		for i, role := range roles(vars) {
			name := layer + "/" + role
			if _, taken := out[name]; taken {
				return nil, fmt.Errorf("two layers are called %s", layer)
			}
			out[name] = vars[i]
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("it has no variables with names of layers: Keras before 3.4 wrote none; save model.save('model.h5')")
	}
	return out, nil
}

// list returns a list attribute of a group. Keras splits long ones: layer_names0, layer_names1.
func list(attributes hdf5.Group, name string) []string {
	all := attributes[name]
	for i := 0; ; i++ {
		part, ok := attributes[name+strconv.Itoa(i)]
		if !ok {
			return all
		}
		all = append(slices.Clip(all), part...)
	}
}

// roles returns the roles of a layer's numbered variables.
func roles(vars []hdf5.Array) []string {
	flat := !slices.ContainsFunc(vars, func(a hdf5.Array) bool { return len(a.Shape) != 1 })
	switch {
	case len(vars) == 4 && flat:
		return []string{"gamma", "beta", "moving_mean", "moving_variance"}
	case len(vars) == 2 && flat:
		return []string{"gamma", "beta"}
	case len(vars) <= 2:
		return []string{"kernel", "bias"}[:len(vars)]
	}
	names := make([]string, len(vars))
	for i := range vars {
		names[i] = strconv.Itoa(i)
	}
	return names
}
