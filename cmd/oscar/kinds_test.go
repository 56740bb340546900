package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"oscar/internal/testkit"
	"oscar/savedmodel/foreign"
)

// Every verb that takes MODEL says of a file of another program what it is and how it becomes
// a SavedModel.
func TestFilesOfOtherProgramsAreNamed(t *testing.T) {
	data, run := filepath.Join(shared(t), "shapes", "images"), filepath.Join(shared(t), "run")
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"m.keras": "PK\x03\x04", "m.h5": "\x89HDF\r\n\x1a\n model_config", "m.weights.h5": "\x89HDF\r\n\x1a\n", "m.tflite": "\x1c\x00\x00\x00TFL3",
		"m.onnx": "\x08\x08", "m.pt": "PK\x03\x04", "m.pth": "PK\x03\x04", "m.safetensors": "\x08\x00", "m.ckpt": "x", "m.txt": "x",
	} {
		testkit.Write(t, name, text)
		want := "oscar: " + foreign.NotSavedModel(name).Error() + "\n"
		for _, verb := range []string{
			"evaluate $FILE $DATA --split all", "predict $FILE $DATA/can", "explain $FILE $DATA/can --out out", "explain-global $FILE $DATA --out out",
			"score $FILE $DATA --split all --out out", "compare $FILE $RUN", "compare $RUN $FILE", "audit $FILE $DATA --split all --out out", "inspect $FILE",
			"export $FILE --out out", "export $FILE --out out --temperature 1.5", "export $FILE --out out --explain gradcam", "serve $FILE", "adopt $FILE --out out",
			"plan explain $FILE $DATA/can --out out", "plan predict $FILE $DATA/can --out out", "train $DATA --from $FILE --out out",
		} {
			args := strings.Fields(strings.NewReplacer("$FILE", name, "$DATA", data, "$RUN", run).Replace(verb))
			var stdout, stderr strings.Builder
			status := call(context.WithoutCancel(t.Context()), args, &stdout, &stderr)
			if said := stderr.String(); status != exitFailed || !strings.HasSuffix(said, want) {
				t.Errorf("oscar %s: status %d, said\n%swant\n%s", verb, status, said, want)
			}
		}
	}
}
