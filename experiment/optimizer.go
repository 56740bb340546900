package experiment

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"oscar/internal/named"
	"oscar/tfmodel"
)

// Optimizer is an optimizer other than Adam, whose settings are in [Training].Adam. The zero value
// is Adam.
type Optimizer struct{ tfmodel.Optimizer }

const adam = "adam"

var errOptimizer = fmt.Errorf("want a kind with its settings, as {kind: sgd, momentum: 0.9}; kinds are %s", named.Join(tfmodel.Optimizers()))

// UnmarshalJSON reads a kind, or an object with a kind and its settings.
func (o *Optimizer) UnmarshalJSON(b []byte) error {
	*o = Optimizer{}
	fields := map[string]json.RawMessage{}
	var kind string
	if json.Unmarshal(b, &kind) != nil {
		if json.Unmarshal(b, &fields) != nil {
			return fmt.Errorf("the optimizer is %.60s, %w", b, errOptimizer)
		}
		if len(fields) == 0 {
			return nil
		}
		if json.Unmarshal(fields["kind"], &kind) != nil {
			return fmt.Errorf("the optimizer is %.60s, %w", b, errOptimizer)
		}
		delete(fields, "kind")
	}
	settings, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	if kind == adam {
		if len(fields) > 0 {
			return errors.New("the settings of the optimizer adam are those of training.adam")
		}
		return nil
	}
	o.Optimizer, err = tfmodel.NewOptimizer(kind, settings)
	return err
}

// MarshalJSON writes what UnmarshalJSON reads.
func (o Optimizer) MarshalJSON() ([]byte, error) {
	if o.IsZero() {
		return json.Marshal(adam)
	}
	kind, err := json.Marshal(o.Kind())
	if err != nil {
		return nil, err
	}
	settings, err := json.Marshal(o.Optimizer)
	return []byte(`{"kind":` + string(kind) + "," + strings.TrimPrefix(string(settings), "{")), err
}

// Kind returns the optimizer's name.
func (o Optimizer) Kind() string {
	if o.IsZero() {
		return adam
	}
	return o.Optimizer.Kind()
}

// IsZero reports whether the optimizer is Adam.
func (o Optimizer) IsZero() bool { return o.Optimizer == nil }

// replaceOptimizer removes the optimizer's settings from tree under if tree over, which will be
// merged into it, has another optimizer.
func replaceOptimizer(under, over any) {
	kind := optimizerKind(over)
	if kind == "" || kind == cmp.Or(optimizerKind(under), adam) {
		return
	}
	training, _ := under.(map[string]any)["training"].(map[string]any)
	delete(training, "optimizer")
	delete(training, "adam")
	if kind == adam {
		training["adam"] = tfmodel.DefaultAdam()
	}
}

// optimizerKind returns the kind of the optimizer in a tree, or "".
func optimizerKind(tree any) string {
	for _, key := range []string{"training", "optimizer", "kind"} {
		m, ok := tree.(map[string]any)
		if !ok {
			break
		}
		tree = m[key]
	}
	kind, _ := tree.(string)
	return kind
}
