package pipeline

import (
	"maps"
	"path/filepath"
	"slices"

	"oscar/explain"
	"oscar/internal/machine"
	"oscar/internal/numeric"
	"oscar/internal/paths"
	"oscar/methods"
)

// row returns the row of a map, with the names of its files.
func (m *mapper) row(s shard, p *photo, a explain.Attribution) (Row, error) {
	at := methods.At{Method: a.Method, Layer: a.Layer}
	method, err := methods.Lookup(a.Method)
	if err != nil {
		return Row{}, err
	}
	classes := m.labels.classes
	r := Row{
		Image: p.path, SHA256: p.sha256, Decoder: p.decoder, Part: p.part, Layer: a.Layer, Method: a.Method, Precision: m.precision(method), Signed: method.Signed,
		Status: string(a.Status), Reason: a.Status.Reason(), Caution: caution(a),
		Predicted: classes[numeric.ArgMax(a.Probabilities)], Target: classes[a.Target], Score: finite(a.Score),
		Probabilities: map[string]float32{}, Facts: maps.Clone(a.Facts),
	}
	if p.class >= 0 {
		r.Truth = classes[p.class]
	}
	for _, class := range p.has {
		r.Labels = append(r.Labels, classes[class])
	}
	for i, v := range a.Probabilities {
		if numeric.Finite(v) {
			r.Probabilities[classes[i]] = v
		}
	}
	maps.DeleteFunc(r.Facts, func(_ string, v float64) bool { return !numeric.Finite(v) })
	low, high := a.Map.Range()
	r.RawMin, r.RawMax = finite(low), finite(high)
	m.setScale(&r, method, a.Map)
	name := m.name(s, r)
	r.Map = filepath.Join(mapsDir, m.folders[at], name+".npy")
	r.Overlay = filepath.Join(overlaysDir, m.folders[at], name+".overlay.jpg")
	if len(m.maps) > 1 {
		r.Sheet = filepath.Join(sheetsDir, name+".jpg")
	}
	return r, nil
}

// precision returns the precision that a method's map was computed in.
func (m *mapper) precision(method methods.Method) Precision {
	if method.Exact {
		return machine.Float32
	}
	return m.settings.Precision
}

// exactMethods lists the methods that are computed in float32.
func (m *mapper) exactMethods() (names []string) {
	for _, at := range m.maps {
		if methods.Exact([]methods.At{at}) && !slices.Contains(names, at.Method) {
			names = append(names, at.Method)
		}
	}
	return names
}

// setScale sets the values with the full and with the lowest color.
func (m *mapper) setScale(r *Row, method methods.Method, g explain.Grid) {
	low, high := g.Range()
	if !(low < high) || r.Status == string(explain.Faint) {
		return
	}
	scale, base, ok := method.Scale(r.Layer, g, m.settings.Percentile)
	if method.Relative {
		r.Base = &base
	}
	if ok {
		r.Scale = &scale
	}
}

// name returns the name of a row's files without suffix: the image's path relative to the common
// folder of all images.
func (m *mapper) name(s shard, r Row) string {
	rel, err := filepath.Rel(s.root, paths.Absolute(r.Image))
	if err != nil { // cannot happen: two absolute paths have a relative path
		rel = filepath.Base(r.Image)
	}
	if m.settings.Class == TargetAll {
		rel += "." + r.Target
	}
	return paths.Shorten(rel)
}

// finite returns a pointer to v, or nil if JSON cannot represent v.
func finite(v float32) *float32 {
	if !numeric.Finite(v) {
		return nil
	}
	return &v
}
