package pipeline

import (
	"fmt"
	"strings"

	"oscar/dataset"
	"oscar/methods"
	"oscar/savedmodel"
)

// explainTools are the mapper and the painter of one model and folder.
type explainTools struct {
	settings Settings // with the layer, the precision and the model's fingerprint
	bundle   *savedmodel.Bundle
	mapper   *mapper
	painter  *painter
}

// newExplainTools opens the model and checks the settings against it.
func newExplainTools(model, out string, s Settings, on Machine, l Listener) (_ *explainTools, err error) {
	t := &explainTools{}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	if t.bundle, s.Precision, err = openFor(model, jobExplain, on.Config(s.Precision)); err != nil {
		return nil, err
	}
	resolve(&s, t.bundle, l)
	if s.Framing = Framing(t.bundle.Metadata.Image); s.Framing.Stretches() {
		s.Framing = dataset.Framing{}
	}
	if s.Model, err = fingerprint(model); err != nil {
		return nil, err
	}
	if s.Method == AllMethods {
		l.Note(methods.LeftOut(t.bundle)...)
	}
	known := newLabels(model, t.bundle.Metadata.Classes)
	if known.several = t.bundle.Metadata.MultiLabel != nil; known.several && s.Class == TargetTrue {
		return nil, fmt.Errorf("class true: images of this model have several labels; name one of %s, or take all or predicted", strings.Join(t.bundle.Metadata.Classes, ", "))
	}
	if t.mapper, err = newMapper(t.bundle, s, out, known, on.Limits); err != nil {
		return nil, err
	}
	if t.mapper.exact, err = openExact(model, on, s); err != nil {
		return nil, err
	}
	if t.mapper.exact != nil {
		l.Note("computed in float32, for their maps lose by bfloat16: " + strings.Join(t.mapper.exactMethods(), ", "))
	}
	t.settings = s
	t.painter, err = newPainter(s, out)
	return t, err
}

// resolve fills in the model's default method and layer.
func resolve(s *Settings, bundle *savedmodel.Bundle, l Listener) {
	if s.Method == "" {
		s.Method = methods.Default(bundle, s.Layer)
		if bundle.Metadata.Explain == "" && s.Layer == "" {
			l.Note(fmt.Sprintf("no layer of this model has a map and a gradient: %s explains the image", s.Method))
		}
	}
	if s.Layer == "" {
		s.Layer = bundle.Metadata.Explain
	}
}

func (t *explainTools) close() {
	if t.painter != nil {
		t.painter.close()
	}
	if t.mapper != nil && t.mapper.exact != nil {
		t.mapper.exact.Close()
	}
	if t.bundle != nil {
		t.bundle.Close()
	}
}
