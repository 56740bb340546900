package serve

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"

	"oscar/explain"
	"oscar/savedmodel"
)

// imagesOf reads a tensor of images: DT_FLOAT [n,height,width,3] with values 0..255 of
// the model's size, or DT_STRING [n] or [] with image files. n is 1 to most.
func imagesOf(t *tensor_go_proto.TensorProto, in savedmodel.Image, most int) ([]item, error) {
	shape, err := shapeOf(t)
	if err != nil {
		return nil, err
	}
	switch t.GetDtype() {
	case types_go_proto.DataType_DT_STRING:
		if len(shape) > 1 || len(shape) == 1 && shape[0] != int64(len(t.GetStringVal())) || len(t.GetStringVal()) == 0 {
			return nil, fmt.Errorf("shape %v with %d strings; want [n] with n image files", shape, len(t.GetStringVal()))
		}
		if len(t.GetStringVal()) > most {
			return nil, tooMany(most)
		}
		var items []item
		for i, file := range t.GetStringVal() {
			if len(file) == 0 {
				return nil, fmt.Errorf("string %d is empty, want an image file", i)
			}
			items = append(items, item{file: file, class: explain.Predicted})
		}
		return items, nil
	case types_go_proto.DataType_DT_FLOAT:
		if len(shape) != 4 || shape[0] < 1 || shape[1] != int64(in.Height) || shape[2] != int64(in.Width) || shape[3] != 3 {
			return nil, fmt.Errorf("shape %v, want [n %d %d 3]", shape, in.Height, in.Width)
		}
		if shape[0] > int64(most) {
			return nil, tooMany(most)
		}
		values, err := floatsOf(t, int(shape[0])*in.Height*in.Width*3)
		if err != nil {
			return nil, err
		}
		items := make([]item, shape[0])
		size := in.Height * in.Width * 3
		for i := range items {
			items[i] = item{pixels: values[i*size : (i+1)*size], class: explain.Predicted}
		}
		return items, nil
	}
	return nil, fmt.Errorf("type %s, want DT_FLOAT (pixels 0 to 255) or DT_STRING (image files)", t.GetDtype())
}

func shapeOf(t *tensor_go_proto.TensorProto) ([]int64, error) {
	if t.GetTensorShape().GetUnknownRank() {
		return nil, fmt.Errorf("the shape is unknown")
	}
	shape := []int64{}
	for _, d := range t.GetTensorShape().GetDim() {
		shape = append(shape, d.GetSize())
	}
	return shape, nil
}

// floatsOf reads n values: little-endian bytes, or a list. As in TensorFlow, the last value of a
// short list is repeated.
func floatsOf(t *tensor_go_proto.TensorProto, n int) ([]float32, error) {
	if b := t.GetTensorContent(); len(b) > 0 {
		if len(b) != 4*n {
			return nil, fmt.Errorf("%d bytes of values, want %d", len(b), 4*n)
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		return values, finite(values)
	}
	given := t.GetFloatVal()
	if len(given) == 0 || len(given) > n {
		return nil, fmt.Errorf("%d values, want %d", len(given), n)
	}
	values := make([]float32, n)
	last := given[len(given)-1]
	for i := copy(values, given); i < n; i++ {
		values[i] = last
	}
	return values, finite(values)
}

// intsOf reads a tensor DT_INT64 [n] as floatsOf does.
func intsOf(t *tensor_go_proto.TensorProto, n int) ([]int64, error) {
	shape, err := shapeOf(t)
	if err != nil {
		return nil, err
	}
	if t.GetDtype() != types_go_proto.DataType_DT_INT64 || len(shape) != 1 || shape[0] != int64(n) {
		return nil, fmt.Errorf("type %s and shape %v, want DT_INT64 [%d]", t.GetDtype(), shape, n)
	}
	if b := t.GetTensorContent(); len(b) > 0 {
		if len(b) != 8*n {
			return nil, fmt.Errorf("%d bytes of values, want %d", len(b), 8*n)
		}
		values := make([]int64, n)
		for i := range values {
			values[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
		}
		return values, nil
	}
	given := t.GetInt64Val()
	if len(given) == 0 || len(given) > n {
		return nil, fmt.Errorf("%d values, want %d", len(given), n)
	}
	return append(slices.Clone(given), slices.Repeat(given[len(given)-1:], n-len(given))...), nil
}

func finite(values []float32) error {
	for i, v := range values {
		if v-v != 0 {
			return fmt.Errorf("value %d is %v, want a finite number", i, v)
		}
	}
	return nil
}

// floatTensor returns a tensor [len(rows),shape...].
func floatTensor(rows [][]float32, shape ...int) *tensor_go_proto.TensorProto {
	var content []byte
	for _, row := range rows {
		for _, v := range row {
			content = binary.LittleEndian.AppendUint32(content, math.Float32bits(v))
		}
	}
	return &tensor_go_proto.TensorProto{
		Dtype: types_go_proto.DataType_DT_FLOAT, TensorShape: protoShape(append([]int{len(rows)}, shape...)...), TensorContent: content,
	}
}

// intTensor returns a tensor [len(values)].
func intTensor(values []int64) *tensor_go_proto.TensorProto {
	return &tensor_go_proto.TensorProto{
		Dtype: types_go_proto.DataType_DT_INT64, TensorShape: protoShape(len(values)), Int64Val: values,
	}
}

func protoShape(sizes ...int) *tensor_shape_go_proto.TensorShapeProto {
	s := &tensor_shape_go_proto.TensorShapeProto{}
	for _, n := range sizes {
		s.Dim = append(s.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: int64(n)})
	}
	return s
}
