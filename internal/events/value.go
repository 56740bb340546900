package events

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg" // Image reads their sizes
	_ "image/png"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of tensorflow.Summary.Value and of its messages.
const (
	valueImage     protowire.Number = 4 // Summary.Image
	valueHistogram protowire.Number = 5 // HistogramProto
	valueTensor    protowire.Number = 8 // TensorProto
	valueMetadata  protowire.Number = 9 // SummaryMetadata

	imageHeight     protowire.Number = 1
	imageWidth      protowire.Number = 2
	imageColorSpace protowire.Number = 3 // 3: RGB
	imageEncoded    protowire.Number = 4

	histogramMin     protowire.Number = 1
	histogramMax     protowire.Number = 2
	histogramCount   protowire.Number = 3
	histogramSum     protowire.Number = 4
	histogramSquares protowire.Number = 5
	histogramLimits  protowire.Number = 6 // packed
	histogramBuckets protowire.Number = 7 // packed

	tensorType   protowire.Number = 1 // 1: float, 7: string
	tensorShape  protowire.Number = 2
	tensorString protowire.Number = 8

	metadataPlugin protowire.Number = 1
	pluginName     protowire.Number = 1
	pluginContent  protowire.Number = 2
)

// Image writes the content of a PNG or JPEG file.
func (w *Writer) Image(tag string, step int64, file []byte, at time.Time) error {
	size, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return fmt.Errorf("event file: the image of %s: %w", tag, err)
	}
	var m []byte
	m = appendVarint(m, imageHeight, uint64(size.Height))
	m = appendVarint(m, imageWidth, uint64(size.Width))
	m = appendVarint(m, imageColorSpace, 3)
	m = appendBytes(m, imageEncoded, file)
	return w.value(tag, step, at, appendBytes(nil, valueImage, m))
}

// Text writes a text in Markdown.
func (w *Writer) Text(tag string, step int64, text string, at time.Time) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("event file: the text of %s is not UTF-8", tag)
	}
	tensor := appendVarint(nil, tensorType, 7)
	tensor = appendBytes(tensor, tensorShape, nil)
	tensor = appendBytes(tensor, tensorString, []byte(text))
	m := appendBytes(nil, valueTensor, tensor)
	return w.value(tag, step, at, append(m, pluginData("text", nil)...))
}

// histogramSize is the number of equally wide buckets of a histogram.
const histogramSize = 30

// Histogram writes the distribution of values. Values that are not finite are left out. If none is
// finite, nothing is written.
func (w *Writer) Histogram(tag string, step int64, values []float32, at time.Time) error {
	least, most, n, sum, squares := math.Inf(1), math.Inf(-1), 0.0, 0.0, 0.0
	for _, v := range values {
		if x := float64(v); !math.IsNaN(x) && !math.IsInf(x, 0) {
			least, most, n, sum, squares = min(least, x), max(most, x), n+1, sum+x, squares+x*x
		}
	}
	if n == 0 {
		return nil
	}
	limits, counts := []float64{most}, []float64{n}
	if most > least {
		limits, counts = make([]float64, histogramSize), make([]float64, histogramSize)
		for i := range limits {
			limits[i] = least + (most-least)*float64(i+1)/histogramSize
		}
		limits[histogramSize-1] = most
		for _, v := range values {
			if x := float64(v); !math.IsNaN(x) && !math.IsInf(x, 0) {
				counts[min(int((x-least)/(most-least)*histogramSize), histogramSize-1)]++
			}
		}
	}
	var m []byte
	for _, f := range []struct {
		number protowire.Number
		value  float64
	}{{histogramMin, least}, {histogramMax, most}, {histogramCount, n}, {histogramSum, sum}, {histogramSquares, squares}} {
		m = appendDouble(m, f.number, f.value)
	}
	m = appendPacked(m, histogramLimits, limits)
	m = appendPacked(m, histogramBuckets, counts)
	return w.value(tag, step, at, appendBytes(nil, valueHistogram, m))
}

// Setting is a hyperparameter.
type Setting struct {
	Name  string
	Value any // string, bool or float64
}

// Settings writes the hyperparameters of a finished run, and the tags of the scalars that
// TensorBoard shows in the same table.
func (w *Writer) Settings(settings []Setting, metrics []string, began, ended time.Time) error {
	var experiment, start []byte
	for _, s := range settings {
		info := appendBytes(nil, 1, []byte(s.Name)) // HParamInfo
		var v []byte                                // google.protobuf.Value
		switch value := s.Value.(type) {
		case string:
			info, v = appendVarint(info, 4, 1), appendBytes(nil, 3, []byte(value))
		case bool:
			info, v = appendVarint(info, 4, 2), appendVarint(nil, 4, protowire.EncodeBool(value))
		case float64:
			info, v = appendVarint(info, 4, 3), appendDouble(nil, 2, value)
		default:
			return fmt.Errorf("event file: setting %s is a %T, want string, bool or float64", s.Name, s.Value)
		}
		experiment = appendBytes(experiment, 4, info)
		entry := appendBytes(appendBytes(nil, 1, []byte(s.Name)), 2, v)
		start = appendBytes(start, 1, entry)
	}
	for _, tag := range metrics {
		name := appendBytes(nil, 2, []byte(tag))                           // MetricName
		experiment = appendBytes(experiment, 5, appendBytes(nil, 1, name)) // MetricInfo
	}
	start = appendDouble(start, 5, seconds(began))
	end := appendDouble(appendVarint(nil, 1, 1), 2, seconds(ended)) // STATUS_SUCCESS
	for _, part := range []struct {
		tag    string
		number protowire.Number
		data   []byte
	}{{"experiment", 2, experiment}, {"session_start_info", 3, start}, {"session_end_info", 4, end}} {
		// TensorBoard also needs a tensor: a float of shape [0].
		none := appendBytes(appendVarint(nil, tensorType, 1), tensorShape, appendBytes(nil, 2, appendVarint(nil, 1, 0)))
		m := appendBytes(nil, valueTensor, none)
		m = append(m, pluginData("hparams", appendBytes(nil, part.number, part.data))...)
		if err := w.value("_hparams_/"+part.tag, 0, ended, m); err != nil {
			return err
		}
	}
	return nil
}

// pluginData returns the metadata that assigns a value to a TensorBoard plugin.
func pluginData(plugin string, content []byte) []byte {
	data := appendBytes(nil, pluginName, []byte(plugin))
	if content != nil {
		data = appendBytes(data, pluginContent, content)
	}
	return appendBytes(nil, valueMetadata, appendBytes(nil, metadataPlugin, data))
}

// value writes an event with the fields of one value after its tag.
func (w *Writer) value(tag string, step int64, at time.Time, fields []byte) error {
	if tag == "" || !utf8.ValidString(tag) {
		return fmt.Errorf("event file: tag %q is empty or not UTF-8", tag)
	}
	return w.write(valueEvent(append(appendBytes(nil, valueTag, []byte(tag)), fields...), step, at))
}

func appendVarint(to []byte, number protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(to, number, protowire.VarintType), v)
}

func appendBytes(to []byte, number protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, number, protowire.BytesType), v)
}

func appendDouble(to []byte, number protowire.Number, v float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(to, number, protowire.Fixed64Type), math.Float64bits(v))
}

func appendPacked(to []byte, number protowire.Number, values []float64) []byte {
	packed := slices.Grow([]byte(nil), 8*len(values))
	for _, v := range values {
		packed = protowire.AppendFixed64(packed, math.Float64bits(v))
	}
	return appendBytes(to, number, packed)
}
