package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/machine"
	"oscar/internal/npy"
	"oscar/internal/numeric"
	"oscar/internal/paths"
	"oscar/methods"
	"oscar/result"
	"oscar/savedmodel"
)

// mapper makes the maps and rows of shards with one opened model. It is the first loop of
// [Explain] and safe for concurrent use.
type mapper struct {
	bundle   *savedmodel.Bundle
	exact    *savedmodel.Bundle // for methods that require float32; nil: bundle is used
	settings Settings
	dir      string // folder of the results
	maps     []methods.At
	groups   [][]methods.At // groups of methods that share an explainer
	passes   []int          // model passes of each group's explainer for one image
	folders  map[methods.At]string
	labels   labels
	limits   dataset.Limits
	framing  dataset.Framing
	class    int // index of the class named by Settings.Class; explain.Predicted for a word
}

// newMapper checks the settings against the model.
func newMapper(bundle *savedmodel.Bundle, s Settings, dir string, l labels, limits dataset.Limits) (*mapper, error) {
	m := &mapper{bundle: bundle, settings: s, dir: dir, labels: l, limits: limits}
	var err error
	if m.maps, err = methods.Of(s, bundle); err != nil {
		return nil, err
	}
	m.groups, m.folders = methods.Grouped(m.maps, s.Precision != machine.Float32), methods.Folders(m.maps)
	in := bundle.Metadata.Image
	one := explain.Images{N: 1, Height: in.Height, Width: in.Width, Channels: 3}
	for _, group := range m.groups {
		e, err := methods.NewExplainer(methods.Model{Bundle: bundle}, group, explainerOptions(s, nil))
		if err != nil {
			return nil, err
		}
		passes := 1
		if counter, ok := e.(explain.PassCounter); ok {
			passes = counter.Passes(one)
		}
		m.passes = append(m.passes, passes)
	}
	m.framing = Framing(in)
	if err := m.framing.Check(); err != nil {
		return nil, fmt.Errorf("the model's metadata: %w", err)
	}
	m.class, err = classAsked(s.Class, &bundle.Metadata)
	return m, err
}

// wordNotes returns a note for each class whose name is also a word of the command line.
func wordNotes(classes []string) (notes []string) {
	for _, word := range []string{TargetPredicted, TargetTrue, TargetAll} {
		if slices.Contains(classes, word) {
			notes = append(notes, fmt.Sprintf("the class %q is also a word: explain --class =%s explains the class", word, word))
		}
	}
	return notes
}

// classAsked returns the index of the class named by --class, or explain.Predicted for the words
// predicted, true and all. "=true" is the class named true.
func classAsked(word string, meta *savedmodel.Metadata) (int, error) {
	switch word {
	case TargetPredicted, TargetTrue, TargetAll:
		return explain.Predicted, nil
	}
	if name, exact := strings.CutPrefix(word, "="); exact {
		if class, err := meta.Class(name); err == nil {
			return class, nil
		}
	}
	class, err := meta.Class(word)
	if err != nil {
		return 0, fmt.Errorf("%w, or predicted, true, all", err)
	}
	return class, nil
}

// photo is an image of a shard while the shard is processed.
type photo struct {
	path    string
	sha256  string
	decoder string // see dataset.Header
	label
	pixels *image.RGBA // nil: unreadable, or too large to keep
	rows   []Row
}

// keepPixels is the number of decoded pixels that a shard keeps for drawing the overlays. Further
// images are decoded a second time.
var keepPixels = 16_000_000 // tests reduce it

// journalPasses is the number of model passes per image from which on an explainer's maps are
// committed image by image.
const journalPasses = 16

// shard explains the images of a shard. It writes their maps and then its part of the manifest,
// which marks the shard as done. It returns the rows in the manifest's order. If the images can be
// drawn immediately, it also returns, by path, the decoded images that fit in memory. The result
// depends only on the model, the settings and the shard. progress receives the finished share, 0..1;
// it may be nil.
func (m *mapper) shard(ctx context.Context, s shard, progress func(share float64)) ([]Row, map[string]*image.RGBA, error) {
	photos, images, err := m.read(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	var readable []*photo
	for _, p := range photos {
		if len(p.rows) == 0 {
			readable = append(readable, p)
		}
	}
	if len(readable) > 0 {
		if err := m.explain(ctx, s, readable, images, progress); err != nil {
			return nil, nil, err
		}
	}
	var rows []Row
	kept := map[string]*image.RGBA{}
	for _, p := range photos {
		rows = append(rows, p.rows...)
		if p.pixels != nil {
			kept[p.path] = p.pixels
		}
	}
	if err := writePart(m.dir, s.part, rows); err != nil {
		return nil, nil, err
	}
	return rows, kept, removeIfExists(journalPath(m.dir, s))
}

// read decodes the files of a shard one after another. It returns the readable images as the model's
// input, and sets the rows of the others.
func (m *mapper) read(ctx context.Context, s shard) ([]*photo, explain.Images, error) {
	in := m.bundle.Metadata.Image
	images := explain.Images{Height: in.Height, Width: in.Width, Channels: 3}
	photos := make([]*photo, len(s.images))
	rgb := make([]uint8, in.Height*in.Width*3)
	images.Pixels = make([]float32, len(s.images)*len(rgb))
	kept := 0
	for i, path := range s.images {
		if err := ctx.Err(); err != nil {
			return nil, images, err
		}
		p := m.open(ctx, path)
		if err := ctx.Err(); err != nil {
			return nil, images, err
		}
		photos[i] = p
		if len(p.rows) > 0 {
			continue
		}
		dataset.CopyRGB(rgb, m.framing.Apply(p.pixels))
		numeric.Float32s(images.Pixels[images.N*len(rgb):], rgb)
		images.N++
		if kept += len(p.pixels.Pix) / 4; kept > keepPixels || m.settings.Scale == ScaleShared {
			p.pixels = nil
		}
	}
	images.Pixels = images.Pixels[:images.N*len(rgb)]
	return photos, images, nil
}

// open decodes a file. If the image cannot be explained, its row has the reason.
func (m *mapper) open(ctx context.Context, path string) *photo {
	p := &photo{path: path, label: label{class: -1}}
	data, err := dataset.ReadFile(path, m.limits)
	if err == nil && !utf8.ValidString(path) {
		err = fmt.Errorf("its name is not valid UTF-8: %q", path)
	}
	if err == nil {
		sum := sha256.Sum256(data)
		p.sha256 = hex.EncodeToString(sum[:])
		p.label = m.labels.of(path, p.sha256)
		var header dataset.Header
		p.pixels, header, err = dataset.DecodeContext(ctx, data, m.limits)
		p.decoder = header.Decoder
	}
	switch {
	case err != nil:
		p.rows = []Row{m.unexplained(p, result.Unreadable, err.Error())}
	case p.class < 0 && m.settings.Class == TargetTrue:
		p.pixels = nil
		p.rows = []Row{m.unexplained(p, result.UnknownClass, "its class is unknown: none of the folders above it is named as a class, and the run's split does not hold it")}
	}
	return p
}

// unexplained returns the row of a file that has no map.
func (m *mapper) unexplained(p *photo, status, reason string) Row {
	r := Row{
		Image: p.path, SHA256: p.sha256, Part: p.part, Layer: m.settings.Layer, Method: m.settings.Method, Precision: m.settings.Precision,
		Status: status, Reason: reason,
	}
	if p.class >= 0 {
		r.Truth = m.labels.classes[p.class]
	}
	return r
}

// explain runs the model. For each target and group of methods it writes the maps and appends the
// rows to the photos. The rows of slow methods are also written to the shard's journal, image by
// image. Rows in the journal are not computed again.
func (m *mapper) explain(ctx context.Context, s shard, photos []*photo, images explain.Images, progress func(float64)) error {
	journal, err := m.openJournal(s)
	if err != nil {
		return err
	}
	defer journal.close()
	targets := m.targets(photos)
	cost := m.newCost(len(targets)*images.N, progress)
	for _, classes := range targets {
		for g, group := range m.groups {
			at := work{s, group, m.passes[g], cost}
			if m.passes[g] < journalPasses {
				if err := m.explainTogether(ctx, at, photos, images, classes); err != nil {
					return err
				}
			} else if err := m.explainEach(ctx, at, photos, images, classes, journal); err != nil {
				return err
			}
		}
	}
	return nil
}

// work is a group of methods and the images of a shard to explain.
type work struct {
	shard  shard
	group  []methods.At
	passes int // for one image
	cost   *cost
}

// explainTogether passes all images to the explainer at once.
func (m *mapper) explainTogether(ctx context.Context, w work, photos []*photo, images explain.Images, classes []int) error {
	e, err := methods.NewExplainer(methods.Model{Bundle: bundleFor(w.group, m.bundle, m.exact)}, w.group, explainerOptions(m.settings, w.cost.of(w.passes*images.N)))
	if err != nil {
		return err
	}
	attributions, err := e.Explain(ctx, images, classes)
	if err != nil {
		return err
	}
	for i, p := range photos {
		n := len(w.group)
		rows, err := m.write(ctx, w.shard, p, attributions[i*n:(i+1)*n])
		if err != nil {
			return err
		}
		p.rows = append(p.rows, rows...)
	}
	return nil
}

// explainEach passes the images to the explainer one by one and commits each.
func (m *mapper) explainEach(ctx context.Context, w work, photos []*photo, images explain.Images, classes []int, j *rowJournal) error {
	bundle := bundleFor(w.group, m.bundle, m.exact)
	shared := &sharedRun{Bundle: bundle, images: images, targets: classes, batch: m.settings.Batch}
	for i, p := range photos {
		count := w.cost.of(w.passes)
		rows := j.rows(p.path, w.group, m.targetName(classes[i]))
		if rows == nil {
			e, err := methods.NewExplainer(methods.Model{Bundle: bundle, Runner: shared}, w.group, explainerOptions(m.settings, count))
			if err != nil {
				return err
			}
			attributions, err := e.Explain(ctx, images.Slice(i, i+1), classes[i:i+1])
			if err != nil {
				return err
			}
			if rows, err = m.write(ctx, w.shard, p, attributions); err != nil {
				return err
			}
			if err := j.add(rows); err != nil {
				return err
			}
		}
		count(1, 1)
		p.rows = append(p.rows, rows...)
	}
	return nil
}

// explainerOptions converts the settings to options of explainers.
func explainerOptions(s Settings, progress func(done, total int)) methods.Options {
	return methods.Options{
		Options: explain.Options{Score: s.Score, Samples: s.Samples, Seed: s.Seed, Batch: s.Batch, Progress: progress},
		Rules:   s.Rules,
	}
}

// newExplainers returns the explainers of the settings in order, one for each group of methods that
// shares one. exact is the model for methods that require float32. If it is nil, they use bundle.
func newExplainers(s Settings, bundle, exact *savedmodel.Bundle) ([]explain.Explainer, error) {
	list, err := methods.Of(s, bundle)
	if err != nil {
		return nil, err
	}
	var out []explain.Explainer
	for _, group := range methods.Grouped(list, exact != nil) {
		e, err := methods.NewExplainer(methods.Model{Bundle: bundleFor(group, bundle, exact)}, group, explainerOptions(s, nil))
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// targets returns the classes to explain: a class per image for each pass over the images.
func (m *mapper) targets(photos []*photo) [][]int {
	same := func(class int) []int { return slices.Repeat([]int{class}, len(photos)) }
	switch m.settings.Class {
	case TargetAll:
		all := make([][]int, len(m.labels.classes))
		for c := range all {
			all[c] = same(c)
		}
		return all
	case TargetTrue:
		truth := make([]int, len(photos))
		for i, p := range photos {
			truth[i] = p.class
		}
		return [][]int{truth}
	}
	return [][]int{same(m.class)}
}

// targetName returns the name of a target, "" for the predicted class.
func (m *mapper) targetName(class int) string {
	if class == explain.Predicted {
		return ""
	}
	return m.labels.classes[class]
}

// write writes the maps of an image and returns their rows.
func (m *mapper) write(ctx context.Context, s shard, p *photo, attributions []explain.Attribution) ([]Row, error) {
	var rows []Row
	for _, a := range attributions {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := m.row(s, p, a)
		if err != nil {
			return nil, err
		}
		if err := m.removeFiles(r); err != nil { // left from an earlier version of the image
			return nil, err
		}
		path, err := paths.Local(m.dir, r.Map)
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return nil, err
		}
		if err := npy.Write(path, []int{a.Map.Height, a.Map.Width}, a.Map.Values); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// removeFiles removes a row's map and its drawings.
func (m *mapper) removeFiles(r Row) error {
	for _, file := range r.Files() {
		if err := paths.RemoveLocal(m.dir, file); err != nil {
			return err
		}
	}
	return nil
}
