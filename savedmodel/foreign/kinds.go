package foreign

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"oscar/internal/paths"
)

// exportLines is Python code that exports a Keras model in inference mode.
const exportLines = `  a = keras.export.ExportArchive(); a.track(model)
  a.add_endpoint("serving_default", lambda x: model(x, training=False), [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)])
  a.write_out("exported")`

// NotSavedModel returns an error with the format of a file or folder that is not a SavedModel, and
// how to convert it.
func NotSavedModel(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no model at %s: want a run folder or a SavedModel folder", path)
	} else if err != nil {
		return err
	}
	if info.IsDir() {
		if paths.Exists(filepath.Join(path, "saved_model.pbtxt")) {
			return fmt.Errorf("%s holds its graph as text (saved_model.pbtxt); save it as saved_model.pb", path)
		}
		if paths.Exists(path + "/checkpoint") {
			return fmt.Errorf("%s holds a checkpoint, weights without a graph; %s", path, ofWeights("model.load_weights(...) or tf.train.Checkpoint(model).restore(...)"))
		}
		return fmt.Errorf("%s is neither a run folder (experiment.json) nor a SavedModel (saved_model.pb)", path)
	}
	head, err := headOf(path)
	if err != nil {
		return err
	}
	name := strings.ToLower(path)
	switch {
	case filepath.Base(path) == "saved_model.pb":
		return fmt.Errorf("%s is a part of a SavedModel; name its folder, %s", path, filepath.Dir(path))
	case strings.HasSuffix(name, ".weights.h5"), strings.HasPrefix(head, "\x89HDF") && !holds(path, "model_config"):
		return fmt.Errorf("%s holds weights without layers; for a network of oscar's own say oscar export --arch NAME --weights %s; else %s", path, path, ofWeights(fmt.Sprintf("model.load_weights(%q)", path)))
	case strings.HasPrefix(head, "\x89HDF"), strings.HasSuffix(name, ".keras"):
		return fmt.Errorf("%s is a Keras file, which holds Python layers and no graph; make a SavedModel of it in Python and name its folder:\n"+
			"  import keras, tensorflow as tf\n  model = keras.saving.load_model(%q)\n%s", path, path, exportLines)
	case strings.HasSuffix(name, ".tflite"), len(head) > 8 && head[4:8] == "TFL3":
		return fmt.Errorf("%s is a TFLite model, which oscar does not read: it has no gradients, and often integer weights; name the SavedModel that it was made of, or make one of it by way of ONNX:\n"+
			"  pip install tf2onnx onnx2tf\n  python -m tf2onnx.convert --tflite %s --output %s.onnx\n  onnx2tf -i %s.onnx -o exported", path, path, path, path)
	case strings.HasSuffix(name, ".onnx"):
		return fmt.Errorf("%s is an ONNX model, which oscar does not read; onnx2tf makes a SavedModel of it:\n  pip install onnx2tf\n  onnx2tf -i %s -o exported", path, path)
	case strings.HasSuffix(name, ".pt"), strings.HasSuffix(name, ".pth"):
		return fmt.Errorf("%s is a PyTorch file, which oscar does not read; torch.onnx.export and then onnx2tf make a SavedModel of it", path)
	case strings.HasSuffix(name, ".safetensors"), strings.HasSuffix(name, ".ckpt"), strings.HasSuffix(name, ".index"), strings.Contains(name, ".data-0"):
		return fmt.Errorf("%s holds weights without a graph; for a network of oscar's own say oscar export --arch NAME --weights %s; else build the network in Python, load them, and export a SavedModel:\n%s", path, path, exportLines)
	}
	return fmt.Errorf("%s is neither a run folder (experiment.json) nor a SavedModel (saved_model.pb) nor a frozen graph (.pb)", path)
}

func ofWeights(load string) string {
	return fmt.Sprintf("build the model in Python as it was trained, load them (%s), and export a SavedModel:\n%s", load, exportLines)
}

func headOf(path string) (string, error) {
	f, err := paths.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, 16)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", err
	}
	return string(head[:n]), nil
}

// holds reports whether a file contains a text.
func holds(path, word string) bool {
	f, err := paths.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	kept := 0
	for {
		n, err := f.Read(buf[kept:])
		if bytes.Contains(buf[:kept+n], []byte(word)) {
			return true
		}
		if err != nil {
			return false
		}
		tail := min(len(word)-1, kept+n)
		copy(buf, buf[kept+n-tail:kept+n])
		kept = tail
	}
}
