package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/result"
	"oscar/savedmodel"
)

// calibrate exports the model to a folder next to Out, and then exports that with calibrated
// probabilities to Out.
func (o ExportOptions) calibrate(ctx context.Context) (err error) {
	if !IsModel(o.Model) {
		return notModel(o.Model)
	}
	temperature, err := o.temperature()
	if err != nil {
		return err
	}
	if paths.Within(paths.Real(o.Model), paths.Real(o.Out)) {
		return fmt.Errorf("%s lies in %s, whose own model is to stay as it is; name a folder elsewhere", o.Out, o.Model)
	}
	if err := atomicfile.Replaceable(o.Out); err != nil {
		return err
	}
	between, remove, err := atomicfile.Scratch(filepath.Clean(o.Out) + ".plain")
	if err != nil {
		return fmt.Errorf("cannot make a folder next to %s: %w", o.Out, paths.TrimError(err))
	}
	defer func() { err = errors.Join(err, remove()) }()
	plain := o
	plain.Temperature, plain.Out = "", filepath.Join(between, "model")
	if err := Export(ctx, plain); err != nil {
		return err
	}
	meta, _, err := savedmodel.Describe(plain.Out)
	if err != nil {
		return err
	}
	if meta.MultiLabel != nil {
		return errors.New("a temperature divides the logits of classes that exclude each other, and images of this model have several labels")
	}
	return savedmodel.Calibrate(plain.Out, o.Out, temperature)
}

// The limits of a temperature, also of an audit's search.
const lowestTemperature, highestTemperature = 0.05, 20

// temperature returns the given number, or the temperature of the given audit.
func (o ExportOptions) temperature() (float64, error) {
	if t, err := strconv.ParseFloat(o.Temperature, 64); err == nil {
		if !(t >= lowestTemperature && t <= highestTemperature) {
			return 0, fmt.Errorf("temperature is %s, want %g to %g, or the folder of an audit", o.Temperature, lowestTemperature, float64(highestTemperature))
		}
		return t, nil
	}
	if !paths.Exists(filepath.Join(o.Temperature, result.AuditFile)) {
		return 0, fmt.Errorf("temperature %q is neither a number nor the folder of an audit (%s)", o.Temperature, result.AuditFile)
	}
	a, err := result.ReadAudit(o.Temperature)
	if err != nil {
		return 0, err
	}
	if a.Temperature == nil {
		return 0, fmt.Errorf("the audit %s has no temperature: it has no labeled images that the model was not trained on", o.Temperature)
	}
	now, err := fingerprint(o.Model)
	if err != nil {
		return 0, err
	}
	if a.Model != now {
		return 0, fmt.Errorf("%s is an audit of the model %s with the fingerprint %s; that of %s is %s: audit it anew", o.Temperature, a.Path, a.Model, o.Model, now)
	}
	return a.Temperature.Value, nil
}
