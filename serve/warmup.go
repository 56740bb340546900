package serve

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"github.com/wamuir/graft/tensorflow/serving/apis_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/events"
	"oscar/internal/paths"
)

// warmUpFile is TensorFlow Serving's file of requests for warming up a version: TFRecords of
// PredictionLog.
const warmUpFile = "assets.extra/tf_serving_warmup_requests"

// The limits of a warm-up. The number of records is TensorFlow Serving's limit.
const (
	maxWarmUps      = 1000
	maxWarmUpImages = 256 // per request
	maxWarmUpBytes  = 64 << 20
)

// warmUp makes TensorFlow initialize the model. It predicts and explains a black image, and runs the
// requests of the version's warm-up file.
func (v *version) warmUp(ctx context.Context) error {
	in := v.Metadata.Image
	black := explain.Images{N: 1, Height: in.Height, Width: in.Width, Channels: 3, Pixels: make([]float32, in.Height*in.Width*3)}
	if _, err := (query{version: v}).run(ctx, black, nil); err != nil {
		return fmt.Errorf("warm-up of %s: %w", v.dir, err)
	}
	byDefault, _, err := v.queryOf(nil)
	if err != nil {
		return fmt.Errorf("warm-up of %s: %w", v.dir, err)
	}
	if _, err := byDefault.run(ctx, black, []int{explain.Predicted}); err != nil {
		return fmt.Errorf("warm-up of %s: %w", v.dir, err)
	}
	for _, path := range []string{filepath.Join(v.dir, warmUpFile), filepath.Join(v.dir, "saved_model", warmUpFile)} {
		if paths.Exists(path) {
			if err := v.replay(ctx, path); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	return nil
}

// replay runs the prediction requests of a warm-up file. It ignores other requests.
func (v *version) replay(ctx context.Context, path string) error {
	file, err := paths.ReadFile(path, maxWarmUpBytes)
	if err != nil {
		return err
	}
	n := 0
	for record, err := range events.Records(bytes.NewReader(file), maxWarmUpBytes) {
		if err != nil {
			return err
		}
		if n++; n > maxWarmUps {
			return fmt.Errorf("more than %d requests", maxWarmUps)
		}
		var log apis_go_proto.PredictionLog
		if err := proto.Unmarshal(record, &log); err != nil {
			return fmt.Errorf("record %d is not a PredictionLog: %w", n, err)
		}
		request := log.GetPredictLog().GetRequest()
		if request == nil {
			continue
		}
		if err := v.replayOne(ctx, request); err != nil {
			return fmt.Errorf("record %d: %w", n, err)
		}
	}
	return nil
}

func (v *version) replayOne(ctx context.Context, request *apis_go_proto.PredictRequest) error {
	q, err := v.signatureQuery(request.GetModelSpec().GetSignatureName())
	if err != nil {
		return err
	}
	items, err := q.items(request.GetInputs(), maxWarmUpImages)
	if err != nil {
		return err
	}
	images, err := inputs(ctx, &v.Metadata, items, dataset.DefaultLimits)
	if err != nil {
		return err
	}
	_, err = q.run(ctx, images, classesOf(items))
	return err
}
