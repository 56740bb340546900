package instance

import (
	"context"
	"encoding/json"

	"oscar/dataset"
	"oscar/internal/checksum"
	"oscar/result"
	"oscar/run"
	"oscar/savedmodel"
)

// Export writes the detector of a run's best epoch as a SavedModel.
func Export(ctx context.Context, dir, out string, m run.Machine) error {
	r, d, _, err := open(ctx, dir, m)
	if err != nil {
		return err
	}
	defer d.Close()
	e := r.Experiment
	var env result.Environment
	if err := checksum.ReadJSON(r.Dir, environmentFile, &env); err != nil {
		return err
	}
	e.Data.Root = "" // do not publish the author's paths
	experiment, err := json.Marshal(e)
	if err != nil {
		return err
	}
	parameters, err := e.Detector.Parameters()
	if err != nil {
		return err
	}
	layer, err := e.layer(e.Explain)
	if err != nil {
		return err
	}
	return d.Export(ctx, out, layer, savedmodel.Metadata{
		Format: 1, Model: e.Detector.Name, Classes: e.Data.Classes,
		Image: savedmodel.Image{
			Height: e.Detector.Input[0], Width: e.Detector.Input[1], Channels: "RGB", Range: "0..255", Orientation: "EXIF applied",
			Interpolation: string(dataset.Bilinear), Aspect: string(dataset.Letterbox), Padding: padding, Decoder: dataset.DecoderName(env.Go),
		},
		Explain: e.Explain, Parameters: parameters, Experiment: experiment, Versions: env.Versions(),
	})
}
